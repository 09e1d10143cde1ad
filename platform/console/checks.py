"""Settings that cannot work together, each with an id and a test."""

import ipaddress
from decimal import InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from accounts.money import MoneyError, yuan_to_nano


def error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"console.E{number:03d}")


@register
def check_hold_deadline(**_: Any) -> list[CheckMessage]:
    least = settings.UPSTREAM_TOTAL_TIMEOUT_S + 60
    if least <= settings.HOLD_DEADLINE_S:
        return []
    return [
        error(
            1,
            f"HOLD_DEADLINE_S is {settings.HOLD_DEADLINE_S}: a hold could expire under a request still running",
            f"Set it to at least UPSTREAM_TOTAL_TIMEOUT_S + 60, that is {least:g}.",
        )
    ]


@register
def check_scale_out(**_: Any) -> list[CheckMessage]:
    if settings.WEB_WORKERS == 1 or not (settings.EMBEDDED or not settings.REDIS_URL):
        return []
    return [
        error(
            2,
            f"WEB_WORKERS is {settings.WEB_WORKERS}, and several workers need PostgreSQL and Redis",
            "Set DATABASE_URL=postgresql://… and REDIS_URL=redis://…, or WEB_WORKERS=1.",
        )
    ]


@register
def check_private_networks(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for text in settings.ALLOWED_PRIVATE_NETWORKS:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            found.append(
                error(3, f"ALLOWED_PRIVATE_NETWORKS has {text!r}, which is no network", "Write it as 10.1.0.0/16.")
            )
    return found


@register
def check_field_keys(**_: Any) -> list[CheckMessage]:
    try:
        for key in settings.FIELD_ENCRYPTION_KEYS:
            Fernet(key)
    except ValueError:
        hint = "Each is 32 random bytes in URL-safe base64, as `Fernet.generate_key()` makes them."
        return [error(4, "FIELD_ENCRYPTION_KEYS has a key of the wrong form", hint)]
    return []


@register
def check_timeouts(**_: Any) -> list[CheckMessage]:
    names = ("CONNECT", "FIRST_BYTE", "IDLE", "TOTAL")
    wrong = [f"UPSTREAM_{name}_TIMEOUT_S" for name in names if getattr(settings, f"UPSTREAM_{name}_TIMEOUT_S") <= 0]
    return [error(5, f"{name} must be more than 0", "Remove it to use the default.") for name in wrong]


@register
def check_trial_credit(**_: Any) -> list[CheckMessage]:
    try:
        yuan_to_nano(settings.TRIAL_CREDIT_YUAN)
    except (MoneyError, InvalidOperation):
        return [error(6, "TRIAL_CREDIT_YUAN is no amount of yuan", "Write it as 40 or 12.50; 0 for none.")]
    return []


@register
def check_above_zero(**_: Any) -> list[CheckMessage]:
    names = ("PROBE_INTERVAL_S", "MAX_BODY_MB", "STREAM_KEEPALIVE_S", "DRAIN_TIMEOUT_S")
    wrong = [name for name in names if getattr(settings, name) <= 0]
    return [error(7, f"{name} must be more than 0", "Remove it to use the default.") for name in wrong]


@register
def check_port(**_: Any) -> list[CheckMessage]:
    if 0 < settings.PORT <= 65_535:
        return []
    return [error(8, f"PORT is {settings.PORT}, which is no port", "Choose one from 1 to 65535.")]


@register
def check_simulator_port(**_: Any) -> list[CheckMessage]:
    port = settings.SIMULATOR_PORT
    if 0 <= port <= 65_535 and port != settings.PORT:
        return []
    why = "which is the console's own PORT" if port == settings.PORT else "which is no port"
    return [error(10, f"SIMULATOR_PORT is {port}, {why}", "Choose another, such as 9100; 0 starts no simulator.")]


@register
def check_redis_url(**_: Any) -> list[CheckMessage]:
    if not settings.REDIS_URL or urlsplit(settings.REDIS_URL).scheme in {"redis", "rediss", "unix"}:
        return []
    return [error(9, "REDIS_URL must start with redis://, rediss:// or unix://", "Write it as redis://HOST:6379/0.")]
