"""What a vendor is: a spec for people and forms, and one dialect per kind. Everything here is pure.

A dialect turns a request in our canonical shape into the vendor's, and the vendor's reply back into ours.
Canonical is OpenAI's shape for chat, completions and embeddings, and DESIGN-fixed shapes for rerank and OCR.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from models_registry.vendors.parameter_rules import Rule

Json = dict[str, Any]

OPERATIONS = {"llm": "chat", "embedding": "embeddings", "rerank": "rerank", "ocr": "ocr"}  # what a kind is called for


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


class Text(NamedTuple):
    """Words for people, in both languages of the console."""

    zh: str
    en: str


NO_TEXT = Text("", "")


class Parameter(NamedTuple):
    """One that chats of a vendor may name; the playground draws a field for it, and sends no other."""

    name: str
    rule: Rule
    label: Text
    help: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class KindSpec:
    """How a vendor answers one kind, and what the import form says about it."""

    dialect: Dialect
    default_url: str = ""
    example_model: str = ""
    help: Text = NO_TEXT
    qwen_dialect: Dialect | None = None  # in place of `dialect` under the parameter profile qwen
    names_model: bool = True  # False where the vendor's path has one model, and the request names none
    inputs_max: int | None = None  # of one embedding call; more are split
    parameters: tuple[Parameter, ...] = ()  # of a chat, in the order of their fields


@dataclass(frozen=True, slots=True)
class Vendor:
    """The import form is drawn from this: cards from the labels, fields from `fields()`."""

    slug: str
    label_zh: str
    label_en: str
    kinds: Mapping[str, KindSpec]
    mark: str = ""  # one or two characters that stand for the vendor in rows
    order: int = 50  # of the cards in the form
    needs_key: bool = True
    auths: tuple[str, ...] = ("bearer",)
    thinkings: tuple[str, ...] = ("leave", "lift")
    parameter_profiles: tuple[str, ...] = ("none", "qwen")  # one alone is implied
    lists_models: bool = True  # GET …/models beside the inference path
    docs_url: str = ""
    help: Text = NO_TEXT

    def parameter_profile(self, chosen: str) -> str:
        return chosen if chosen in self.parameter_profiles else self.parameter_profiles[0]

    def fields(self, kind: str) -> tuple[str, ...]:
        """The fields of section 连接 that make sense for this vendor and kind, in their order."""
        fields = ["upstream_model", "inference_url", "api_key"]
        if len(self.auths) > 1:
            fields.append("auth")
        if kind != "ocr":
            fields.append("context_length")
        if kind == "llm":
            fields += ["max_output_tokens", "stream_only"]
            fields += ["thinking"] if len(self.thinkings) > 1 else []
            fields += ["parameter_profile"] if len(self.parameter_profiles) > 1 else []
        return tuple(fields)
