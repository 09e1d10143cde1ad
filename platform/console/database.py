"""Database settings from one URL."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from environs import EnvError

# recursive_triggers: without it INSERT OR REPLACE deletes ledger rows without firing their triggers.
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON;"
    "PRAGMA journal_size_limit=67108864;"  # what a long reader let the WAL grow to is given back after it
)

# A server that hangs must look like one that is away: the ledger has an answer for that.
POSTGRESQL_OPTIONS: dict[str, Any] = {
    "prepare_threshold": 5,  # for the clerk's few statements; Django's own are never prepared
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "tcp_user_timeout": "20000",
    "options": "-c lock_timeout=8s",
}


def database_config(url: str) -> dict[str, Any]:
    """Django's entry for `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST:PORT/NAME?option=value`."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite_config(unquote(parts.path.removeprefix("/")))
    if parts.scheme in {"postgres", "postgresql"}:
        return {
            "ENGINE": "console.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or ""),
            "PORT": str(parts.port or ""),
            "CONN_MAX_AGE": 0,  # given back after each request or task, see console.postgresql
            "OPTIONS": POSTGRESQL_OPTIONS | options_parse(parts.query),
        }
    raise EnvError(f"DATABASE_URL must start with sqlite:/// or postgresql://, not {parts.scheme}://")


def options_parse(query: str) -> dict[str, Any]:
    """libpq's own options are text; `prepare_threshold` is the driver's, and 0 is for a pooler that cannot prepare."""
    options: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    if (threshold := options.get("prepare_threshold")) is not None:
        if not threshold.isdecimal():
            raise EnvError(
                f"DATABASE_URL: prepare_threshold must be a whole number, not {threshold!r}; 0 never prepares"
            )
        options["prepare_threshold"] = int(threshold) or None
    return options


def sqlite_config(path: str) -> dict[str, Any]:
    """IMMEDIATE: a transaction that will write takes the lock when it begins and cannot deadlock later."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": SQLITE_PRAGMAS},
        "TEST": {"NAME": f"{path}.test"},
    }
