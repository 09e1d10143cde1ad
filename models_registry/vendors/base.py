"""What a vendor is: a spec for people and forms, and one dialect per kind. Everything here is pure.

A dialect turns a request in our canonical shape into the vendor's, and the vendor's reply back into ours.
Canonical is OpenAI's shape for chat, completions and embeddings, and DESIGN-fixed shapes for rerank and OCR.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Json = dict[str, Any]


class UsageSeen(NamedTuple):
    """What the vendor says was used; None where it is silent."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint as a dialect needs it."""

    operation: str  # chat | completions | embeddings | rerank | ocr
    upstream_model: str
    headers: Mapping[str, str]  # the Authorization, if there is one


class Outgoing(NamedTuple):
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply in canonical shape. `body` is set where the vendor's own bytes already are canonical."""

    data: Json
    usage: UsageSeen | None = None
    output_text: str = ""  # what is counted when the vendor sent no usage
    body: bytes | None = None


class DialectError(Exception):
    """A reply with status 200 that is no answer: an error body, an empty answer, an unknown shape."""


class Dialect(Protocol):
    def __hash__(self) -> int: ...

    @property
    def streams(self) -> bool:
        """Whether the vendor answers this kind as OpenAI-shaped server-sent events on request."""

    def url(self, inference_url: str, operation: str) -> str:
        """The address to be called, whatever form of it was given."""

    def build(self, request: Json, target: Target) -> Outgoing:
        """The vendor's request for a canonical one."""

    def parse(self, body: bytes, request: Json, content_type: str) -> Reply:
        """The canonical reply. Raises DialectError where the bytes hold no answer."""

    def probe(self) -> Json:
        """The smallest canonical request that only a working model of this kind answers."""


@dataclass(frozen=True, slots=True)
class KindSpec:
    dialect: Dialect
    default_url: str = ""
    help_zh: str = ""


@dataclass(frozen=True, slots=True)
class Vendor:
    slug: str
    label_zh: str
    label_en: str
    kinds: Mapping[str, KindSpec]
    needs_key: bool = True
    auths: tuple[str, ...] = ("bearer",)
    docs_url: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
