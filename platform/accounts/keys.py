"""API keys: how they look and how they are told apart. Pure."""

import hashlib
import secrets
import string
from typing import NamedTuple

ALPHABET = string.ascii_letters + string.digits
PREFIX_LENGTH = 11  # "sk-" and eight characters: enough to name a key, far too few to guess it


class NewKey(NamedTuple):
    secret: str
    prefix: str
    digest: bytes


def key_make() -> NewKey:
    """A fresh key of 48 random letters and digits (285 bits)."""
    secret = "sk-" + "".join(secrets.choice(ALPHABET) for _ in range(48))
    return NewKey(secret, secret[:PREFIX_LENGTH], key_digest(secret.encode()))


def key_digest(secret: bytes) -> bytes:
    """A plain SHA-256 is enough: the secret is random, so there is nothing to guess slowly."""
    return hashlib.sha256(secret).digest()
