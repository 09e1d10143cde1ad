"""/api/v1/probe: an endpoint that is not saved, tried stage by stage."""

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Router, Schema
from pydantic import ConfigDict

from accounts.api_auth import ApiError, admin_of
from accounts.api_shapes import ERRORS
from inference.probing.report import Draft, Report, Stage
from inference.probing.staged import staged_probe
from models_registry.documents import HEADER_TEXT, Certificates
from models_registry.importing.url_doctor import url_advise
from models_registry.vendors import VENDORS

router = Router(tags=["models"])

PROBE_EXAMPLE: dict[str, Any] = {
    "vendor": "openai_compatible",
    "kind": "llm",
    "inference_url": "https://example.com/v1",
    "model": "deepseek-chat",
    "api_key": "sk-…",
}
STAGE_EXAMPLE: dict[str, Any] = {
    "name": "auth",
    "state": "failed",
    "duration_ms": 96,
    "facts": {"status": 401},
    "failure": {
        "words": "the API key is not valid",
        "url": "https://example.com/v1/models",
        "method": "GET",
        "status": 401,
        "code": "key",
    },
}


class ProbeIn(Schema):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [PROBE_EXAMPLE]})

    vendor: str = Field(max_length=40)
    kind: Literal["llm", "embedding", "rerank", "ocr"]
    inference_url: str = Field(max_length=2000)
    model: str = Field("", max_length=200, description="The upstream's name for the model.")
    api_key: str = Field("", max_length=4000, description="The key itself. It is used once and neither kept nor shown.")
    auth: Literal["bearer", "raw"] = "bearer"
    stream_only: bool = False
    ca_certificates: Certificates = ""


class FailureOut(Schema):
    words: str = Field(description="The upstream's own words, or the system's.")
    url: str
    method: str
    status: int | None
    code: str


class StageOut(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [STAGE_EXAMPLE]})

    name: Literal["resolve", "connect", "tls", "auth", "model", "call"]
    state: Literal["waiting", "ok", "warning", "failed", "skipped"]
    duration_ms: int | None
    facts: dict[str, Any]
    failure: FailureOut | None


class FindingsOut(Schema):
    """What was really seen; null where it was not looked for."""

    usage: bool | None
    streams: bool | None
    thinking: Literal["content", "field", "none"] | None
    input_tokens: int | None
    output_tokens: int | None
    first_ms: int | None
    dimensions: int | None
    pages: int | None


class AttemptOut(Schema):
    url: str
    status: int | None


class StagedProbeOut(Schema):
    passed: bool
    url: str = Field(description="The address as the gateway calls it.")
    suggested_url: str = Field(description="A better inference_url where a mistake was recognised, else empty.")
    hints: list[str]
    stages: list[StageOut]
    attempts: list[AttemptOut]
    findings: FindingsOut
    reply: str = Field(description="The beginning of the answer.")
    total_ms: int


@router.post("/probe", response={200: StagedProbeOut, **ERRORS}, operation_id="endpoint_try", summary="Try an endpoint")
def endpoint_try(request: HttpRequest, document: ProbeIn) -> dict[str, Any]:
    """Resolve, connect, TLS, key, model, one tiny call (two where the kind streams). Nothing is saved. Admins only.

    A probe that fails is an answer too: the status is 200 and `passed` is false.
    """
    admin_of(request)
    vendor = VENDORS.get(document.vendor)
    if vendor is None:
        raise ApiError(404, "not_found", f"There is no vendor {document.vendor!r}.", "vendor")
    if document.kind not in vendor.kinds:
        words = f"The vendor {vendor.slug} has no {document.kind}; it has {', '.join(vendor.kinds)}."
        raise ApiError(422, "invalid_request_error", words, "kind")
    key = document.api_key.strip()
    if not HEADER_TEXT.match(key):
        raise ApiError(422, "invalid_request_error", "Only visible ASCII characters make a key.", "api_key")
    draft = Draft(
        vendor=vendor.slug,
        kind=document.kind,
        inference_url=document.inference_url.strip(),
        upstream_model=document.model,
        api_key=key,
        auth=document.auth,
        stream_only=document.stream_only,
        ca_certificates=document.ca_certificates,
    )
    advice = url_advise(vendor=vendor, kind=document.kind, url=draft.inference_url)
    better = {"suggested_url": advice.suggestion, "hints": list(advice.hints)}
    return report_shown(staged_probe(draft)) | better


def report_shown(report: Report) -> dict[str, Any]:
    return {
        "passed": report.failed is None,
        "url": report.url,
        "stages": [stage_shown(stage) for stage in report.stages.values()],
        "attempts": [attempt._asdict() for attempt in report.attempts],
        "findings": report.findings,
        "reply": report.reply,
        "total_ms": report.total_ms,
    }


def stage_shown(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "state": stage.state,
        "duration_ms": stage.duration_ms,
        "facts": stage.facts,
        "failure": stage.failure._asdict() if stage.failure else None,
    }
