"""The models file of `registry_apply`, checked field by field. Errors name the place and the fix."""

import os
import re
from collections import Counter
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from yaml.constructor import ConstructorError

from accounts.money import MoneyError, yuan_to_nano
from models_registry.certificates import CERTIFICATES_CHARS_MAX, certificates_checked
from models_registry.vendors import VENDORS

AMOUNT = {"pattern": r"^[0-9]{1,12}(\.[0-9]{1,9})?$", "examples": ["0.0008"]}  # told here, checked by accounts.money


def written_out(value: Any) -> Any:
    """A JSON number as it would be written by hand: 0.00001 and not 1e-05."""
    return f"{Decimal(repr(value)):f}" if isinstance(value, float) else value


Yuan = Annotated[str, Field(coerce_numbers_to_str=True, json_schema_extra=AMOUNT), BeforeValidator(written_out)]
NAME_PATTERN = r"^[^\s\x00-\x1f?#]+$"
API_WORDS = (
    "enable",
    "disable",
    "duplicate",
    "test",
    "prices",
    "endpoints",
)  # what follows a name in the management API's paths


def no_api_word(name: str) -> str:
    if words := [part for part in name.split("/")[1:] if part in API_WORDS]:
        raise ValueError(f"{words[0]!r} after a slash is a word of the management API's paths; choose another name")
    return name


Name = Annotated[str, Field(min_length=1, max_length=200, pattern=NAME_PATTERN), AfterValidator(no_api_word)]
Certificates = Annotated[
    str,
    Field(max_length=CERTIFICATES_CHARS_MAX, description="PEM of authorities to be trusted beside the system's."),
    AfterValidator(certificates_checked),
]
Limit = Annotated[int, Field(ge=1, le=2_000_000_000)]
TOKEN_UNITS = ("per_m_tokens", "per_1k_tokens", "per_call", "free")
UNITS = {"llm": TOKEN_UNITS, "embedding": TOKEN_UNITS, "rerank": TOKEN_UNITS, "ocr": ("per_page", "per_call", "free")}
UNIT_FORMS = {
    "per_m_tokens": '{input: "2", output: "8"}',
    "per_1k_tokens": '{per_1k_tokens: "0.008"}',
    "per_call": '{per_call: "0.01"}',
    "per_page": '{per_page: "0.01"}',
    "free": "{free: true}",
}
PRICE_FORMS = ", ".join(UNIT_FORMS.values())
PRICE_NANO_MAX = 10**15  # dearer, and a great usage would not fit the ledger's integers
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f]")  # PostgreSQL takes no NUL, and no name or address has the others
HEADER_TEXT = re.compile(r"[!-~]*\Z")
RESOLVED_TAGS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")


class DocumentError(Exception):
    """The document cannot be applied; one line per mistake."""


class DocumentLoader(yaml.SafeLoader):
    """Scalars stay as they are written, and the document's fields say which are numbers: a price never is a float,
    nor 010 an 8. A key that stands twice is a mistake."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, form) for tag, form in resolvers if tag in RESOLVED_TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> Any:
        """Before anything is merged into it: what a merge brings may be overridden."""
        node = super().compose_mapping_node(anchor)
        counts = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := [name for name, count in counts.items() if count > 1]:
            raise ConstructorError(None, None, f"given twice: {', '.join(twice)}", node.start_mark)
        return node


def not_from_the_environment(value: str | None) -> str | None:
    """`env:NAME` is for whoever applies a file on the server: from afar it would read the server's own secrets."""
    if value is not None and value.strip().startswith("env:"):
        raise ValueError("env:NAME works in files applied on the server; send the key itself")
    return value


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PriceDocument(Strict):
    """Exactly one of the five forms."""

    input: Yuan | None = None
    output: Yuan | None = None
    per_1k_tokens: Yuan | None = None
    per_call: Yuan | None = None
    per_page: Yuan | None = None
    free: bool | None = None

    @model_validator(mode="after")
    def one_form(self) -> "PriceDocument":
        tokens = self.input is not None or self.output is not None
        others = [self.per_1k_tokens, self.per_call, self.per_page, self.free or None]
        if tokens + sum(form is not None for form in others) != 1:
            raise ValueError(f"give exactly one of {PRICE_FORMS}")
        columns = self.columns()
        if not self.free and not any(value for name, value in columns.items() if name.endswith("_nano")):
            raise ValueError("every price is 0: write {free: true} for a model that costs nothing")
        return self

    def check_kind(self, kind: str) -> None:
        """Raises ValueError where a model of this kind would be served without ever being charged."""
        columns = self.columns()
        if columns["unit"] not in UNITS[kind]:
            fix = ", ".join(UNIT_FORMS[unit] for unit in UNITS[kind])
            raise ValueError(f"kind {kind} is not billed {columns['unit']}; give one of {fix}")
        if kind in {"embedding", "rerank"} and columns["unit"] == "per_m_tokens" and not columns["input_nano"]:
            raise ValueError(f"kind {kind} has no output, so its input needs a price above 0, or write {{free: true}}")

    def columns(self) -> dict[str, Any]:
        """The columns of a Price row. Raises ValueError (MoneyError) for what is no amount."""
        columns = self.given_columns()
        if any(value > PRICE_NANO_MAX for name, value in columns.items() if name.endswith("_nano")):
            raise ValueError("a price above 1000000 yuan is a mistake")
        return columns

    def given_columns(self) -> dict[str, Any]:
        if self.per_1k_tokens is not None:
            per_m = 1000 * yuan_to_nano(self.per_1k_tokens)
            return {"unit": "per_1k_tokens", "input_nano": per_m, "output_nano": per_m}
        if self.per_call is not None:
            return {"unit": "per_call", "call_nano": yuan_to_nano(self.per_call)}
        if self.per_page is not None:
            return {"unit": "per_page", "page_nano": yuan_to_nano(self.per_page)}
        if self.free:
            return {"unit": "free"}
        input_nano, output_nano = yuan_to_nano(self.input or "0"), yuan_to_nano(self.output or "0")
        return {"unit": "per_m_tokens", "input_nano": input_nano, "output_nano": output_nano}


class LimitsDocument(Strict):
    rpm: Limit | None = None
    tpm: Limit | None = None
    concurrency: Limit | None = None


class EndpointDocument(Strict):
    vendor: str
    inference_url: Annotated[str, Field(max_length=2000)]
    model: Annotated[str, Field(max_length=200)] = ""
    api_key: str | None = None
    auth: Literal["bearer", "raw"] = "bearer"
    thinking: Literal["leave", "lift"] = "leave"
    parameter_profile: Literal["none", "qwen"] = "none"
    ca_certificates: Certificates = ""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    weight: Annotated[int, Field(ge=1, le=1000)] = 1

    @field_validator("vendor")
    @classmethod
    def known_vendor(cls, value: str) -> str:
        if value not in VENDORS:
            raise ValueError(f"{value!r} is no vendor; choose one of {', '.join(VENDORS)}")
        return value

    @field_validator("model", "inference_url")
    @classmethod
    def writable(cls, value: str) -> str:
        if UNWRITABLE.search(value.strip()):
            raise ValueError(f"{value!r} has control characters")
        return value.strip()

    @field_validator("inference_url")
    @classmethod
    def http_url(cls, value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{value!r} is no http(s) URL, such as https://example.com/v1")
        if parts.username or parts.password:
            raise ValueError("leave the user and password out of the URL; keys go into api_key")
        _ = parts.port  # raises ValueError for a port that is none
        return value.strip()

    def check_kind(self, kind: str) -> None:
        """Raises ValueError where the vendor has no such kind, or needs to be told which model is meant."""
        vendor = VENDORS[self.vendor]
        if kind not in vendor.kinds:
            raise ValueError(f"vendor {vendor.slug} has no {kind}; it has {', '.join(vendor.kinds)}")
        if not self.model and vendor.kinds[kind].names_model:
            raise ValueError("endpoints[].model is missing: the name the upstream knows the model by")

    def resolved_key(self) -> str:
        """`env:NAME` reads the environment of the command; anything else is the key itself. Raises DocumentError."""
        key, origin = (self.api_key or "").strip(), "api_key"
        if key.startswith("env:"):
            name = key.removeprefix("env:")
            if name not in os.environ:
                raise DocumentError(f"api_key says env:{name}, and the environment variable {name} is not set")
            key, origin = os.environ[name].strip(), f"the environment variable {name}"
        if not HEADER_TEXT.match(key):
            raise DocumentError(f"{origin} has characters that no HTTP header may hold; only visible ASCII is a key")
        return key


class ModelDocument(Strict):
    name: Name
    kind: Literal["llm", "embedding", "rerank", "ocr"]
    price: PriceDocument | None = None
    limits: LimitsDocument = LimitsDocument()
    stream_only: bool = False
    context_length: Limit | None = None
    max_output_tokens: Limit | None = None
    endpoints: Annotated[list[EndpointDocument], Field(min_length=1, max_length=20)]

    @field_validator("price")
    @classmethod
    def unit_of_the_kind(cls, value: PriceDocument | None, info: ValidationInfo) -> PriceDocument | None:
        if value and "kind" in info.data:
            value.check_kind(info.data["kind"])
        return value

    @model_validator(mode="after")
    def vendors_have_the_kind(self) -> "ModelDocument":
        for endpoint in self.endpoints:
            endpoint.check_kind(self.kind)
        return self


class RegistryDocument(Strict):
    models: Annotated[list[ModelDocument], Field(min_length=1, max_length=10_000)]

    @model_validator(mode="after")
    def names_once(self) -> "RegistryDocument":
        counts = Counter(model.name for model in self.models)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise ValueError(f"named twice: {', '.join(sorted(twice))}")
        return self


def registry_parse(text: str) -> RegistryDocument:
    """Raises DocumentError naming every mistake, each with its place in the file."""
    try:
        return RegistryDocument.model_validate(yaml.load(text, Loader=DocumentLoader))  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise DocumentError(f"the file is not YAML: {yaml_mistake(error)}") from error
    except (ValidationError, MoneyError) as error:
        raise DocumentError(mistakes(error)) from error


def yaml_mistake(error: Exception) -> str:
    """What and where, without the line itself, as PyYAML would show it: a key may stand there."""
    if not isinstance(error, yaml.MarkedYAMLError) or not error.problem_mark:
        return str(error)
    mark = error.problem_mark
    words = ": ".join(part for part in (error.context, error.problem) if part)
    return f"line {mark.line + 1}, column {mark.column + 1}: {words}"


def mistakes(error: ValidationError | MoneyError) -> str:
    if isinstance(error, MoneyError):
        return str(error)
    return "\n".join(f"{place(one['loc'])}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors())


def place(location: tuple[int | str, ...]) -> str:
    """models[0].endpoints[1].vendor"""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return text.lstrip(".") or "the document"
