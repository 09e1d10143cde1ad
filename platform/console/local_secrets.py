"""Secrets of the embedded default: made once, kept beside the data, readable by the owner alone."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in `path`, made by `make` when the file is missing. Safe beside other processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(make())
        try:
            os.link(fresh, path)  # fails where another process was first: theirs is the one to use
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text(encoding="utf-8").strip()


def new_secret_key() -> str:
    return secrets.token_urlsafe(48)


def new_field_key() -> str:
    return Fernet.generate_key().decode()
