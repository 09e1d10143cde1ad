"""Every system check: quiet on good settings, and its id on bad ones."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from pytest_django import Settings

from console import checks
from tests.console.conftest import ROOT

Check = Callable[..., list[CheckMessage]]

BAD: list[tuple[Check, str, dict[str, Any]]] = [
    (checks.check_hold_deadline, "console.E001", {"HOLD_DEADLINE_S": 659, "UPSTREAM_TOTAL_TIMEOUT_S": 600}),
    (checks.check_scale_out, "console.E002", {"WEB_WORKERS": 2, "EMBEDDED": True, "REDIS_URL": "redis://x"}),
    (checks.check_scale_out, "console.E002", {"WEB_WORKERS": 2, "EMBEDDED": False, "REDIS_URL": ""}),
    (checks.check_private_networks, "console.E003", {"ALLOWED_PRIVATE_NETWORKS": ["10.0.0.0/8", "ten"]}),
    (checks.check_field_keys, "console.E004", {"FIELD_ENCRYPTION_KEYS": ["short"]}),
    (checks.check_timeouts, "console.E005", {"UPSTREAM_CONNECT_TIMEOUT_S": 0}),
    (checks.check_timeouts, "console.E005", {"UPSTREAM_FIRST_BYTE_TIMEOUT_S": 0}),
    (checks.check_timeouts, "console.E005", {"UPSTREAM_IDLE_TIMEOUT_S": -1}),
    (checks.check_timeouts, "console.E005", {"UPSTREAM_TOTAL_TIMEOUT_S": 0}),
    (checks.check_trial_credit, "console.E006", {"TRIAL_CREDIT_YUAN": Decimal(-1)}),
    (checks.check_above_zero, "console.E007", {"PROBE_INTERVAL_S": 0}),
    (checks.check_above_zero, "console.E007", {"MAX_BODY_MB": 0}),
    (checks.check_above_zero, "console.E007", {"STREAM_KEEPALIVE_S": 0}),
    (checks.check_above_zero, "console.E007", {"DRAIN_TIMEOUT_S": -5}),
    (checks.check_port, "console.E008", {"PORT": 0}),
    (checks.check_port, "console.E008", {"PORT": 65_536}),
    (checks.check_simulator_port, "console.E010", {"SIMULATOR_PORT": -1}),
    (checks.check_simulator_port, "console.E010", {"SIMULATOR_PORT": 65_536}),
    (checks.check_simulator_port, "console.E010", {"SIMULATOR_PORT": 9100, "PORT": 9100}),
    (checks.check_redis_url, "console.E009", {"REDIS_URL": "http://cache:6379"}),
    (checks.check_redis_url, "console.E009", {"REDIS_URL": "cache"}),
]
GOOD: list[tuple[Check, dict[str, Any]]] = [
    (checks.check_hold_deadline, {"HOLD_DEADLINE_S": 660, "UPSTREAM_TOTAL_TIMEOUT_S": 600}),
    (checks.check_scale_out, {"WEB_WORKERS": 2, "EMBEDDED": False, "REDIS_URL": "redis://x"}),
    (checks.check_scale_out, {"WEB_WORKERS": 1, "EMBEDDED": True, "REDIS_URL": ""}),
    (checks.check_private_networks, {"ALLOWED_PRIVATE_NETWORKS": ["10.1.2.3/8", "fd00::/8"]}),
    (checks.check_trial_credit, {"TRIAL_CREDIT_YUAN": Decimal(0)}),
    (checks.check_port, {"PORT": 65_535}),
    (checks.check_simulator_port, {"SIMULATOR_PORT": 0}),
    (checks.check_simulator_port, {"SIMULATOR_PORT": 9100, "PORT": 8000}),
    (checks.check_redis_url, {"REDIS_URL": ""}),
    (checks.check_redis_url, {"REDIS_URL": "rediss://cache:6379/0"}),
]


@pytest.mark.parametrize(("check", "number", "values"), BAD)
def test_bad_settings_are_named_with_a_way_out(
    settings: Settings, check: Check, number: str, values: dict[str, Any]
) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    (message,) = check()
    assert message.id == number
    assert any(name in f"{message.msg} {message.hint}" for name in values)
    assert message.hint


@pytest.mark.parametrize(("check", "values"), GOOD)
def test_good_settings_pass(settings: Settings, check: Check, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(settings, name, value)
    assert check() == []


def test_the_defaults_pass_every_check() -> None:
    assert [message for check in {check for check, *_ in BAD} for message in check()] == []


def test_every_check_has_a_case_here() -> None:
    source = Path(checks.__file__).read_text(encoding="utf-8")
    defined = re.findall(r"^def (check_\w+)", source, flags=re.MULTILINE)
    assert sorted(defined) == sorted({check.__name__ for check, *_ in BAD})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "many", 'Environment variable "PORT" invalid'),
        ("LOG_LEVEL", "loud", "Must be one of: DEBUG"),
        ("TIME_ZONE", "Mars/Phobos", "'Mars/Phobos' is no time zone"),
        ("SECRET_KEY_FILE", "/nowhere", "SECRET_KEY_FILE must be a readable file"),
    ],
)
def test_a_setting_that_cannot_be_read_is_one_line(name: str, value: str, words: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check"],
        env={**os.environ, name: value},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("A setting cannot be read: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
