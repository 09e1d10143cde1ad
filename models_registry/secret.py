"""Upstream keys: encrypted at rest, masked wherever they might be printed."""

from functools import cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    TextField = models.TextField["Secret | str", "Secret"]
else:
    TextField = models.TextField


class Secret:
    """A string that does not show itself: `reveal()` is the only way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret('…')" if self._text else "Secret('')"

    __str__ = __repr__


class SecretUnreadable(Exception):
    """The key that an upstream key was encrypted with is gone."""


class UnreadableSecret(Secret):
    """What none of FIELD_ENCRYPTION_KEYS opens. Loading it is no error: one such row must not stop the others."""

    __slots__ = ()

    def reveal(self) -> str:
        raise SecretUnreadable(
            "an upstream key cannot be decrypted: put the key it was encrypted with back into FIELD_ENCRYPTION_KEYS"
        )


class EncryptedTextField(TextField):
    """Text in the database is a Fernet token of the first of FIELD_ENCRYPTION_KEYS; all of them decrypt."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Secret:
        return decrypt(value or "")

    def to_python(self, value: Any) -> Secret:
        return value if isinstance(value, Secret) else Secret(value or "")

    def get_prep_value(self, value: Any) -> str:
        text = self.to_python(value).reveal()
        return fernet().encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> Secret:
    if not token:
        return Secret("")
    try:
        return Secret(fernet().decrypt(token.encode()).decode())
    except InvalidToken:
        return UnreadableSecret(token)


def seal(text: str) -> str:
    """For a page to carry what it must not show, until its next request."""
    return fernet().encrypt(text.encode()).decode()


def unseal(token: str, *, age_s_max: int) -> str:
    """Raises SecretUnreadable for what was not sealed here, or too long ago."""
    try:
        return fernet().decrypt(token.encode(), ttl=age_s_max).decode()
    except (InvalidToken, UnicodeError) as error:
        raise SecretUnreadable("what the page carried cannot be read") from error


@cache
def fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])
