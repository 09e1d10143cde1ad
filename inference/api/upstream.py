"""/api/v1/upstream-models: what an upstream says it serves, and importing several of its models at once."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, Field

from accounts.api_auth import ApiError, admin_of
from accounts.api_shapes import ERRORS
from inference.api.catalogs import CatalogImportOut, not_enabled
from inference.api.shapes import Kind, KindOut, example, words
from inference.probing.report import Draft
from inference.probing.upstream_models import Listing, upstream_models
from models_registry.documents import HEADER_TEXT, Certificates, LimitsDocument, PriceDocument, Strict
from models_registry.importing.upstream import Chosen, Connection, upstream_import
from models_registry.services import RegistryError
from models_registry.vendors import VENDORS

router = Router(tags=["models"])

Url = Annotated[str, Field(max_length=2000, json_schema_extra={"pattern": "^https?://"})]
Key = Annotated[str, Field(max_length=4000, description="The key itself; it is never answered.")]
Vendor = Annotated[str, Field(max_length=40), words(*VENDORS)]

CONNECTION_EXAMPLE = {"vendor": "openai_compatible", "inference_url": "https://example.com/v1", "api_key": "sk-…"}
IMPORT_EXAMPLE = {
    **CONNECTION_EXAMPLE,
    "models": [{"model": "deepseek-chat"}, {"model": "bge-m3", "kind": "embedding"}],
    "name_prefix": "example/",
    "price": {"per_call": "0.01"},
}
LIST_EXAMPLE: dict[str, Any] = {
    "url": "https://example.com/v1/models",
    "inference_url": "https://example.com/v1",
    "models": [{"model": "bge-m3", "kind": "embedding"}, {"model": "deepseek-chat", "kind": "llm"}],
    "tried": [{"url": "https://example.com/models", "status": 404, "message": "Not Found"}],
}


# --- shapes ------------------------------------------------------------------------------------------
class UpstreamIn(Strict):
    """An address that need not be saved."""

    model_config = example(CONNECTION_EXAMPLE)

    vendor: Vendor
    inference_url: Url
    api_key: Key = ""
    auth: Literal["bearer", "raw"] = "bearer"
    ca_certificates: Certificates = ""


class UpstreamModel(BaseModel):
    model: str = Field(description="The upstream's name for it.")
    kind: KindOut = Field(description="As the name suggests.")


class TriedOut(BaseModel):
    url: str
    status: int | None = Field(description="null where nothing whole was answered.")
    message: str = Field(description="The upstream's own words, or what kept it from answering.")


class UpstreamList(BaseModel):
    """`url` is empty where no list was found; `tried` says why."""

    model_config = ConfigDict(json_schema_extra={"examples": [LIST_EXAMPLE]})

    url: str = Field(description="Where the list was found.")
    inference_url: str = Field(description="The base URL that goes with it.")
    models: list[UpstreamModel]
    tried: list[TriedOut]


class ChosenModel(Strict):
    model: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Kind = "llm"


class UpstreamOrder(UpstreamIn):
    """Each is served as `name_prefix` + model. One price and the same limits for all, or none."""

    model_config = example(IMPORT_EXAMPLE)

    models: Annotated[list[ChosenModel], Field(min_length=1, max_length=1000)]
    name_prefix: Annotated[str, Field(max_length=100)] = ""
    price: PriceDocument | None = None
    limits: LimitsDocument | None = None
    enable: bool = False


# --- calls -------------------------------------------------------------------------------------------
@router.post("/upstream-models", response={200: UpstreamList, **ERRORS}, summary="List an upstream's models")
def upstream_models_list(request: HttpRequest, upstream: UpstreamIn) -> UpstreamList:
    """Asks the upstream, at the usual addresses on its host: …/models with and without /v1, and Ollama's /api/tags.
    Nothing is saved. No list is an answer too: the status is 200, and `tried` has each address with what it said.
    Admins only."""
    admin_of(request)
    check_vendor(upstream.vendor)
    key = upstream.api_key.strip()
    if not HEADER_TEXT.match(key):
        raise ApiError(422, "invalid_request_error", "Only visible ASCII characters make a key.", "api_key")
    kind = next(iter(VENDORS[upstream.vendor].kinds))
    url = upstream.inference_url.strip()
    draft = Draft(
        vendor=upstream.vendor,
        kind=kind,
        inference_url=url,
        api_key=key,
        auth=upstream.auth,
        ca_certificates=upstream.ca_certificates,
    )
    return list_shown(upstream_models(draft))


def check_vendor(slug: str) -> None:
    if slug not in VENDORS:
        known = ", ".join(VENDORS)
        raise ApiError(404, "not_found", f"There is no vendor {slug!r}. Known are {known}.", "vendor")


def list_shown(listing: Listing) -> UpstreamList:
    return UpstreamList(
        url=listing.url,
        inference_url=listing.base_url,
        models=[UpstreamModel(model=one.name, kind=one.kind) for one in listing.models],
        tried=[TriedOut(url=one.url, status=one.status, message=one.words) for one in listing.tried],
    )


@router.post(
    "/upstream-models/import", response={201: CatalogImportOut, **ERRORS}, summary="Import an upstream's models"
)
def upstream_models_import(request: HttpRequest, order: UpstreamOrder) -> Status[CatalogImportOut]:
    """All or none, disabled, under one address and key. Names that are taken are skipped and said; the upstream is
    not asked. `enable` has them probed by a worker, and does not wait for it. Admins only."""
    caller = admin_of(request)
    check_vendor(order.vendor)
    connection = Connection(
        vendor=order.vendor,
        inference_url=order.inference_url.strip(),
        auth=order.auth,
        ca_certificates=order.ca_certificates,
        api_key=order.api_key.strip(),
    )
    try:
        done = upstream_import(
            connection=connection,
            chosen=[Chosen(one.model.strip(), one.kind) for one in order.models],
            actor=caller.user.username,
            name_prefix=order.name_prefix,
            price=order.price,
            limits=order.limits,
        )
    except RegistryError as error:
        raise ApiError(422, "invalid_request_error", f"{error.field}: {error}.", error.field) from error
    failed = not_enabled(caller, done.models) if order.enable else []
    names = [model.name for model in done.models]
    return Status(201, CatalogImportOut(imported=names, skipped=done.skipped, not_enabled=failed))
