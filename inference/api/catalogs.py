"""/api/v1/catalogs: the price and model lists of vendors' documents, and importing from them."""

from typing import Annotated, Any

from django.http import Http404, HttpRequest
from ninja import Path, Router, Status
from pydantic import BaseModel, ConfigDict, Field

from accounts.api_auth import ApiError, Caller, admin_of
from accounts.api_shapes import ERRORS
from inference.api.shapes import KindOut, LimitsOut, PriceOut, example
from models_registry.api import TextOut
from models_registry.catalogs import CATALOGS, Catalog, CatalogModel
from models_registry.documents import Strict
from models_registry.importing.catalogs import catalog_import
from models_registry.models import Model
from models_registry.services import RegistryError, enabling_request

router = Router(tags=["catalogs"])

Slug = Annotated[str, Path(max_length=40, description="As GET /catalogs lists them.", example="wcode")]

MODEL_EXAMPLE: dict[str, Any] = {
    "name": "Qwen3-32B",
    "upstream_model": "Qwen3-32B",
    "series": "Qwen 系列",
    "kind": "llm",
    "price": {"input": "2", "output": "20"},
    "limits": {"rpm": 600, "tpm": 1000000, "concurrency": None},
    "context_length": 131072,
    "stream_only": True,
    "auth": "bearer",
    "title": "",
    "says": "",
    "updated": "",
    "note": None,
}
SUMMARY_EXAMPLE: dict[str, Any] = {
    "slug": "paratera",
    "label": {"zh": "并行智算云", "en": "Paratera"},
    "vendor": "openai_compatible",
    "base_url": "https://$BASE_URL/v1",
    "default_url": "",
    "note": {"zh": "文档没有写出域名。", "en": "The document leaves the host open."},
    "model_count": 24,
}
ORDER_EXAMPLE = {
    "names": ["qwen-turbo", "qwen-plus"],
    "inference_url": "https://wcode.net/api/gpt/v1",
    "api_key": "sk-…",
}


# --- shapes ------------------------------------------------------------------------------------------
class CatalogModelOut(BaseModel):
    """One line of a list. `title`, `says` and `updated` are the document's own words."""

    model_config = ConfigDict(json_schema_extra={"examples": [MODEL_EXAMPLE]})

    name: str
    upstream_model: str
    series: str
    kind: KindOut
    price: PriceOut | None = Field(description="Exactly as printed; null where the document prints none.")
    limits: LimitsOut
    context_length: int | None
    stream_only: bool
    auth: str
    title: str
    says: str
    updated: str
    note: TextOut | None


class CatalogSummary(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY_EXAMPLE]})

    slug: str
    label: TextOut
    vendor: str
    base_url: str = Field(description="As printed; it may hold a placeholder.")
    default_url: str = Field(description="Empty where the document leaves the address open.")
    note: TextOut
    model_count: int


class CatalogsOut(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [SUMMARY_EXAMPLE]}]})

    data: list[CatalogSummary]


class CatalogOut(CatalogSummary):
    model_config = ConfigDict(json_schema_extra={"examples": [{**SUMMARY_EXAMPLE, "models": [MODEL_EXAMPLE]}]})

    models: list[CatalogModelOut]


class CatalogOrder(Strict):
    """`names` are those of the catalog; each is served as `name_prefix` + name."""

    model_config = example(ORDER_EXAMPLE)

    names: Annotated[list[str], Field(min_length=1, max_length=1000)]
    inference_url: Annotated[str, Field(max_length=2000, json_schema_extra={"pattern": "^https?://"})]
    api_key: Annotated[str, Field(max_length=4000)] = ""
    name_prefix: Annotated[str, Field(max_length=100)] = ""
    enable: bool = False


class NotEnabled(BaseModel):
    name: str
    reason: str


class CatalogImportOut(BaseModel):
    """`skipped` were there already and stay as they are."""

    imported: list[str]
    skipped: list[str]
    not_enabled: list[NotEnabled] = Field(
        description="With `enable`: those that cannot be probed, such as unpriced ones."
    )


# --- reading -----------------------------------------------------------------------------------------
@router.get("/catalogs", response={200: CatalogsOut, **ERRORS}, summary="List catalogs")
def catalogs_list(request: HttpRequest) -> CatalogsOut:
    """The price and model lists that models can be imported from. Admins only."""
    admin_of(request)
    return CatalogsOut(data=[CatalogSummary(**summary(catalog)) for catalog in CATALOGS.values()])


@router.get("/catalogs/{catalog}", response={200: CatalogOut, **ERRORS}, summary="Read a catalog")
def catalogs_read(request: HttpRequest, catalog: Slug) -> CatalogOut:
    """Every model of it, in the document's order. Admins only."""
    admin_of(request)
    found = catalog_of(catalog)
    models = [model_shown(found, model, series=series.label.zh) for series in found.series for model in series.models]
    return CatalogOut(**summary(found), models=models)


def catalog_of(slug: str) -> Catalog:
    if slug not in CATALOGS:
        raise Http404(f"There is no catalog {slug!r}. Known are {', '.join(CATALOGS)}.")
    return CATALOGS[slug]


def summary(catalog: Catalog) -> dict[str, Any]:
    return {
        "slug": catalog.slug,
        "label": catalog.label.model_dump(),
        "vendor": catalog.vendor,
        "base_url": catalog.base_url,
        "default_url": catalog.default_url,
        "note": catalog.note.model_dump(),
        "model_count": len(catalog.models),
    }


def model_shown(catalog: Catalog, model: CatalogModel, *, series: str) -> CatalogModelOut:
    return CatalogModelOut(
        name=model.name,
        upstream_model=model.upstream_model or model.name,
        series=series,
        kind=model.kind,
        price=PriceOut(**model.price.model_dump()) if model.price else None,
        limits=LimitsOut(**model.limits.model_dump()),
        context_length=model.context_length,
        stream_only=model.stream_only,
        auth=model.auth or catalog.auth,
        title=model.title,
        says=model.says,
        updated=model.updated,
        note=TextOut(**model.note.model_dump()) if model.note else None,
    )


# --- importing ---------------------------------------------------------------------------------------
@router.post(
    "/catalogs/{catalog}/import", response={201: CatalogImportOut, **ERRORS}, summary="Import models from a catalog"
)
def catalogs_import(request: HttpRequest, catalog: Slug, order: CatalogOrder) -> Status[CatalogImportOut]:
    """All or none, with price, limits and context length, disabled. Names that are taken are skipped and said.

    `enable` has them probed by a worker, and does not wait for it. Admins only.
    """
    caller = admin_of(request)
    found = catalog_of(catalog)
    wanted = order.model_dump(exclude={"enable"})
    try:
        done = catalog_import(catalog=found, actor=caller.user.username, **wanted)
    except RegistryError as error:
        raise ApiError(422, "invalid_request_error", f"{error.field}: {error}.", error.field) from error
    failed = not_enabled(caller, done.models) if order.enable else []
    names = [model.name for model in done.models]
    return Status(201, CatalogImportOut(imported=names, skipped=done.skipped, not_enabled=failed))


def not_enabled(caller: Caller, models: list[Model]) -> list[NotEnabled]:
    failed = []
    for model in models:
        try:
            enabling_request(model=model, actor=caller.user.username)
        except RegistryError as error:
            failed.append(NotEnabled(name=model.name, reason=str(error)))
    return failed
