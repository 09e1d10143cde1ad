"""Shapes of the models part of the management API. Prices and endpoints are written as in a models file."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, field_validator

from inference.probing.probes import ProbeResult
from inference.reasons import reason_parts
from models_registry.documents import (
    Certificates,
    EndpointDocument,
    Limit,
    LimitsDocument,
    ModelDocument,
    Name,
    PriceDocument,
    Strict,
    Yuan,
    not_from_the_environment,
)
from models_registry.export import limits, price_document
from models_registry.models import Endpoint, Price
from models_registry.rows import ModelRow
from models_registry.vendors import VENDORS
from models_registry.vendors.base import OPERATIONS

Kind = Literal["llm", "embedding", "rerank", "ocr"]


def words(*allowed: str) -> WithJsonSchema:
    """For the document: what a string that is answered may be."""
    return WithJsonSchema({"type": "string", "enum": list(allowed)})


KindOut = Annotated[str, words("llm", "embedding", "rerank", "ocr")]
StateOut = Annotated[str, words("disabled", "checking", "enabled")]
HealthOut = Annotated[str, words("disabled", "checking", "up", "degraded", "down", "unknown")]
EndpointHealth = Annotated[str, words("up", "down", "unknown")]

ENDPOINT_EXAMPLE = {
    "vendor": "openai_compatible",
    "inference_url": "https://example.com/v1",
    "model": "deepseek-chat",
    "api_key": "sk-…",
    "priority": 0,
    "weight": 1,
}
MODEL_EXAMPLE = {
    "name": "deepseek-v3",
    "kind": "llm",
    "price": {"input": "2", "output": "8"},
    "limits": {"rpm": 600, "tpm": 1000000, "concurrency": 40},
    "context_length": 65536,
    "max_output_tokens": 8192,
    "endpoints": [ENDPOINT_EXAMPLE],
}


def example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


# --- what is sent ------------------------------------------------------------------------------------
class EndpointIn(EndpointDocument):
    """`api_key` is never answered."""

    model_config = example(ENDPOINT_EXAMPLE)

    vendor: Annotated[str, words(*VENDORS)]
    inference_url: Annotated[str, Field(max_length=2000, json_schema_extra={"pattern": "^https?://"})]

    @field_validator("api_key")
    @classmethod
    def key_itself(cls, value: str | None) -> str | None:
        return not_from_the_environment(value)


class ModelIn(ModelDocument):
    """One entry of a models file."""

    model_config = example(MODEL_EXAMPLE)

    endpoints: Annotated[list[EndpointIn], Field(min_length=1, max_length=20)]  # type: ignore[assignment]  # narrower


class EndpointChange(Strict):
    """What is left out stays as it is; so does the key, unless another is sent ("" removes it)."""

    model_config = example({"inference_url": "https://example.com/v1", "weight": 2})

    inference_url: Annotated[str, Field(max_length=2000)] | None = None
    model: Annotated[str, Field(max_length=200)] | None = None
    api_key: str | None = None
    auth: Literal["bearer", "raw"] | None = None
    thinking: Literal["leave", "lift"] | None = None
    parameter_profile: Literal["none", "qwen"] | None = None
    ca_certificates: Certificates | None = Field(None, description='What is sent takes the place of all; "" for none.')
    priority: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    weight: Annotated[int, Field(ge=1, le=1000)] | None = None


class ModelChange(Strict):
    """What is left out stays as it is; a limit that is null is lifted. A price becomes a new version."""

    model_config = example({"limits": {"rpm": 1200, "tpm": None}, "price": {"input": "1", "output": "4"}})

    price: PriceDocument | None = None
    limits: LimitsDocument | None = None
    stream_only: bool | None = None
    context_length: Limit | None = None
    max_output_tokens: Limit | None = None


class ModelCopy(Strict):
    """The name of the new model."""

    model_config = example({"name": "deepseek-v3-copy"})

    name: Name


class PriceIn(PriceDocument):
    """Exactly one form: `input` and `output`, `per_1k_tokens`, `per_call`, `per_page`, or `free`."""

    model_config = example({"input": "2", "output": "8"})


# --- what is answered --------------------------------------------------------------------------------
class PriceOut(BaseModel):
    """In the form it was given, in yuan; `input` and `output` are per million tokens."""

    input: Yuan | None = None
    output: Yuan | None = None
    per_1k_tokens: Yuan | None = None
    per_call: Yuan | None = None
    per_page: Yuan | None = None
    free: bool | None = None


class PriceVersion(BaseModel):
    version: int = Field(description="Receipts name it.")
    unit: str
    price: PriceOut
    created_at: datetime
    in_force: bool


class LimitsOut(BaseModel):
    """null is no limit."""

    rpm: int | None
    tpm: int | None
    concurrency: int | None


class EndpointOut(BaseModel):
    id: int
    vendor: str
    inference_url: str
    called_url: str = Field(description="What the gateway calls.")
    model: str = Field(description="The upstream's name for it.")
    has_api_key: bool
    auth: str
    thinking: str
    parameter_profile: str
    ca_certificates: str
    priority: int
    weight: int
    health: EndpointHealth
    health_reason: str
    checked_at: datetime | None


class ModelOut(BaseModel):
    """`endpoints` and `state_reason` are for admins, and null for others."""

    name: str
    kind: KindOut
    state: StateOut
    state_reason: str | None = Field(description="Why the last wish to enable it was not met.")
    health: HealthOut
    price: PriceOut | None
    limits: LimitsOut
    stream_only: bool
    context_length: int | None
    max_output_tokens: int | None
    uptime_24h_percent: float | None = Field(description="Of the time it was watched; null where it was not.")
    checked_at: datetime | None
    created_at: datetime
    endpoints: list[EndpointOut] | None


class ModelPage(BaseModel):
    data: list[ModelOut]
    page: int
    page_size: int
    has_more: bool


class ProbeOut(BaseModel):
    endpoint_id: int
    vendor: str
    url: str
    answered: bool
    stage: str | None = Field(description="Where it failed: connect, auth, model, answer.")
    status: int | None = Field(description="What the upstream answered, where that was no success.")
    message: str = Field(description="The upstream's own words, or what kept it from answering.")
    duration_ms: int


class TestOut(BaseModel):
    """`answered` where at least one endpoint did."""

    answered: bool
    results: list[ProbeOut]


# --- from rows to answers ----------------------------------------------------------------------------
def model_out(row: ModelRow, *, is_admin: bool) -> ModelOut:
    model = row.model
    share = row.uptime.permyriad
    return ModelOut(
        name=model.name,
        kind=model.kind,
        state=model.state,
        state_reason=model.state_reason if is_admin else None,
        health=row.health,
        price=price_out(row.price) if row.price else None,
        limits=LimitsOut(**limits(model)),
        stream_only=model.stream_only,
        context_length=model.context_length,
        max_output_tokens=model.max_output_tokens,
        uptime_24h_percent=None if share is None else share / 100,
        checked_at=row.checked_at,
        created_at=model.created_at,
        endpoints=[endpoint_out(one, model.kind, has_api_key=one.pk in row.keyed) for one in row.endpoints]
        if is_admin
        else None,
    )


def price_out(price: Price) -> PriceOut:
    return PriceOut(**price_document(price))


def endpoint_out(endpoint: Endpoint, kind: str, *, has_api_key: bool) -> EndpointOut:
    return EndpointOut(
        id=endpoint.pk,
        vendor=endpoint.vendor,
        inference_url=endpoint.inference_url,
        called_url=called_url(endpoint, kind),
        model=endpoint.upstream_model,
        has_api_key=has_api_key,
        auth=endpoint.auth,
        thinking=endpoint.thinking,
        parameter_profile=endpoint.parameter_profile,
        ca_certificates=endpoint.ca_certificates,
        priority=endpoint.priority,
        weight=endpoint.weight,
        health=endpoint.health,
        health_reason=endpoint.health_reason,
        checked_at=endpoint.checked_at,
    )


def called_url(endpoint: Endpoint, kind: str) -> str:
    """As given, should the vendor's file be gone."""
    vendor = VENDORS.get(endpoint.vendor)
    spec = vendor.kinds.get(kind) if vendor else None
    return spec.dialect.url(endpoint.inference_url, OPERATIONS[kind]) if spec else endpoint.inference_url


def probe_out(endpoint: Endpoint, result: ProbeResult) -> ProbeOut:
    reason = reason_parts(result.reason)
    return ProbeOut(
        endpoint_id=endpoint.pk,
        vendor=endpoint.vendor,
        url=reason.url or called_url(endpoint, endpoint.model.kind),
        answered=result.answered,
        stage=reason.stage or None,
        status=reason.status,
        message=reason.words,
        duration_ms=result.duration_ms,
    )
