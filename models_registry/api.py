"""/api/v1/vendors: what can be imported, and which fields that needs. The import form is drawn from the same."""

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Field, Router, Schema
from pydantic import ConfigDict

from accounts.api_shapes import ERRORS
from models_registry.documents import UNITS
from models_registry.importing.url_doctor import documented_path
from models_registry.vendors import VENDORS
from models_registry.vendors.base import Vendor

router = Router(tags=["vendors"])

KIND_EXAMPLE: dict[str, Any] = {
    "kind": "llm",
    "default_url": "https://maas.ai-yuanjing.com/openapi/compatible-mode/v1",
    "path": "/chat/completions",
    "example_model": "deepseek-r1",
    "needs_model": True,
    "fields": ["upstream_model", "inference_url", "api_key", "context_length", "max_output_tokens", "stream_only"],
    "price_units": ["per_m_tokens", "per_1k_tokens", "per_call", "free"],
    "help": {"zh": "平台补上 /chat/completions。", "en": "/chat/completions is added."},
}
VENDOR_EXAMPLE: dict[str, Any] = {
    "slug": "yuanjing",
    "label": {"zh": "联通元景", "en": "China Unicom Yuanjing"},
    "needs_key": True,
    "auths": ["bearer"],
    "thinkings": ["leave", "lift"],
    "parameter_profiles": ["none", "qwen"],
    "docs_url": "",
    "help": {"zh": "LLM 在 maas.ai-yuanjing.com。", "en": "LLM at maas.ai-yuanjing.com."},
    "kinds": [KIND_EXAMPLE],
}


class TextOut(Schema):
    zh: str
    en: str


class KindOut(Schema):
    """One kind of a vendor."""

    model_config = ConfigDict(json_schema_extra={"examples": [KIND_EXAMPLE]})

    kind: str
    default_url: str = Field(description="Empty where the vendor has no address of its own.")
    path: str = Field(description="What is added to a base URL.")
    example_model: str
    needs_model: bool = Field(description="False where the vendor's path has one model and the request names none.")
    fields: list[str] = Field(description="The fields of an endpoint that make sense here.")
    price_units: list[str]
    help: TextOut


class VendorOut(Schema):
    """A company or program whose API the gateway speaks."""

    model_config = ConfigDict(json_schema_extra={"examples": [VENDOR_EXAMPLE]})

    slug: str
    label: TextOut
    needs_key: bool
    auths: list[str]
    thinkings: list[str]
    parameter_profiles: list[str]
    docs_url: str
    help: TextOut
    kinds: list[KindOut]


class VendorsOut(Schema):
    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [VENDOR_EXAMPLE]}]})

    data: list[VendorOut]


@router.get("/vendors", response={200: VendorsOut, **ERRORS}, operation_id="vendors_list", summary="List vendors")
def vendors_list(request: HttpRequest) -> dict[str, Any]:
    """Every vendor, in the order of the import form."""
    ordered = sorted(VENDORS.values(), key=lambda vendor: (vendor.order, vendor.slug))
    return {"data": [vendor_shown(vendor) for vendor in ordered]}


@router.get("/vendors/{slug}", response={200: VendorOut, **ERRORS}, operation_id="vendor_read", summary="Read a vendor")
def vendor_read(request: HttpRequest, slug: str) -> dict[str, Any]:
    """One vendor, with its kinds and their fields."""
    if slug not in VENDORS:
        raise Http404(f"There is no vendor {slug!r}. Known are {', '.join(VENDORS)}.")
    return vendor_shown(VENDORS[slug])


def vendor_shown(vendor: Vendor) -> dict[str, Any]:
    return {
        "slug": vendor.slug,
        "label": {"zh": vendor.label_zh, "en": vendor.label_en},
        "needs_key": vendor.needs_key,
        "auths": vendor.auths,
        "thinkings": vendor.thinkings,
        "parameter_profiles": vendor.parameter_profiles,
        "docs_url": vendor.docs_url,
        "help": vendor.help._asdict(),
        "kinds": [kind_shown(vendor, kind) for kind in vendor.kinds],
    }


def kind_shown(vendor: Vendor, kind: str) -> dict[str, Any]:
    spec = vendor.kinds[kind]
    return {
        "kind": kind,
        "default_url": spec.default_url,
        "path": documented_path(spec, kind),
        "example_model": spec.example_model,
        "needs_model": spec.names_model,
        "fields": vendor.fields(kind),
        "price_units": UNITS[kind],
        "help": spec.help._asdict(),
    }
