"""The models part of the management API. Ids in paths are the served names: `BAAI/bge-m3`, `deepseek-r1:1.5b`.

A name may hold slashes, so paths that end in a word (…/enable) stand before the one that is a name alone.
"""

from typing import Annotated, Literal

from django.http import Http404, HttpRequest
from ninja import Path, Query, Router, Status
from pydantic import ValidationError

from accounts.api_auth import ApiError, Caller, admin_of, caller_of
from accounts.api_shapes import ERRORS
from accounts.paging import PAGE_MAX, page_of
from inference import services
from inference.api.shapes import (
    EndpointChange,
    EndpointIn,
    EndpointOut,
    Kind,
    ModelChange,
    ModelCopy,
    ModelIn,
    ModelOut,
    ModelPage,
    PriceIn,
    PriceVersion,
    TestOut,
    endpoint_out,
    model_out,
    price_out,
    probe_out,
)
from models_registry.documents import NAME_PATTERN, DocumentError, PriceDocument, place
from models_registry.endpoints import endpoint_add, endpoint_change, endpoint_delete
from models_registry.importing.duplicates import model_duplicate
from models_registry.models import Endpoint, Model
from models_registry.rows import model_rows
from models_registry.selectors import ModelFilter, model_by_name, models_found
from models_registry.services import (
    ModelExists,
    RegistryError,
    model_change,
    model_create,
    model_disable,
    models_delete,
)

router = Router(tags=["models"])

Name = Annotated[
    str, Path(pattern=NAME_PATTERN, description="The served name; it may hold slashes.", example="deepseek-v3")
]
EndpointId = Annotated[int, Path(ge=1)]
Page = Annotated[int, Query(ge=1, le=PAGE_MAX)]
PageSize = Annotated[int, Query(ge=1, le=200)]
Words = Annotated[str, Query(max_length=200)]


# --- finding -----------------------------------------------------------------------------------------
@router.get("/models", response={200: ModelPage, **ERRORS}, summary="List models")
def models_list(
    request: HttpRequest,
    kind: Kind | None = None,
    vendor: Words = "",
    health: Literal["up", "degraded", "down", "unknown"] | None = None,
    state: Literal["on", "off"] | None = None,
    q: Words = "",
    page: Page = 1,
    page_size: PageSize = 50,
) -> ModelPage:
    """In the order of their names. Admins see every model, others those that are enabled, without their endpoints.

    `q` looks in names; for admins also in addresses.
    """
    caller = caller_of(request)
    if (vendor or health) and not caller.is_admin:
        raise ApiError(403, "permission_denied", "Only an admin may filter by vendor or health.")
    wanted = ModelFilter(kind or "", q, vendor.replace("\x00", ""), health or "", state or "")
    found = page_of(models_found(user=caller.user, wanted=wanted), page, page_size)
    rows = [model_out(row, is_admin=caller.is_admin) for row in model_rows(models=found.rows)]
    return ModelPage(data=rows, page=page, page_size=page_size, has_more=found.has_more)


def model_of(caller: Caller, name: str) -> Model:
    """Raises Http404 also for what the caller may not see."""
    try:
        return model_by_name(user=caller.user, name=name)
    except Model.DoesNotExist as error:
        raise Http404(f"There is no model {name!r}.") from error


def shown(caller: Caller, model: Model) -> ModelOut:
    model.refresh_from_db()
    (row,) = model_rows(models=[model])
    return model_out(row, is_admin=caller.is_admin)


def refusal(error: RegistryError) -> ApiError:
    code = "already_exists" if isinstance(error, ModelExists) else "conflict"
    return ApiError(409, code, f"{str(error)[:1].upper()}{str(error)[1:]}.", error.field)


def invalid(error: ValidationError | DocumentError | ValueError, field: str) -> ApiError:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        field = place(first["loc"]) if first["loc"] else field
        return ApiError(422, "invalid_request_error", f"{field}: {first['msg']}", field)
    return ApiError(422, "invalid_request_error", f"{field}: {error}", field)


# --- making ------------------------------------------------------------------------------------------
@router.post("/models", response={201: ModelOut, **ERRORS}, summary="Import a model")
def models_create(request: HttpRequest, model: ModelIn, enable: bool = False) -> Status[ModelOut]:
    """The body is one entry of a models file. `enable=true` probes it too and waits for the outcome; where no endpoint
    answered, the model is there, `disabled`, and `state_reason` says why. Admins only."""
    caller = admin_of(request)
    try:
        made = model_create(document=model, actor=caller.user.username)
    except DocumentError as error:
        raise invalid(error, "endpoints.api_key") from error
    except RegistryError as error:
        raise refusal(error) from error
    if enable:
        try:
            services.model_enable(model=made, actor=caller.user.username)
        except RegistryError as error:
            raise ApiError(409, "conflict", f"The model was imported but not enabled: {error}.", error.field) from error
    return Status(201, shown(caller, made))


@router.post("/models/{path:name}/duplicate", response={201: ModelOut, **ERRORS}, summary="Duplicate a model")
def models_duplicate(request: HttpRequest, name: Name, model: ModelCopy) -> Status[ModelOut]:
    """Under a new name and disabled, with its price, limits and endpoints; their keys go along and are not answered.
    Admins only."""
    caller = admin_of(request)
    try:
        made = model_duplicate(model=model_of(caller, name), name=model.name, actor=caller.user.username)
    except RegistryError as error:
        raise refusal(error) from error
    return Status(201, shown(caller, made))


# --- switching ---------------------------------------------------------------------------------------
@router.post("/models/{path:name}/enable", response={200: ModelOut, **ERRORS}, summary="Enable a model")
def models_enable(request: HttpRequest, name: Name) -> ModelOut:
    """Probes its endpoints and waits for the outcome: served once one of them answered, else 409 with the reason.
    Admins only."""
    caller = admin_of(request)
    model = model_of(caller, name)
    try:
        reason = services.model_enable(model=model, actor=caller.user.username)
    except RegistryError as error:
        raise refusal(error) from error
    if reason:
        raise ApiError(409, "probe_failed", f"{name} was not enabled: {reason}")
    return shown(caller, model)


@router.post("/models/{path:name}/disable", response={200: ModelOut, **ERRORS}, summary="Disable a model")
def models_disable(request: HttpRequest, name: Name) -> ModelOut:
    """Every worker stops serving it within a second; calls under way are finished. Admins only."""
    caller = admin_of(request)
    model = model_of(caller, name)
    model_disable(model=model, actor=caller.user.username)
    return shown(caller, model)


@router.post("/models/{path:name}/test", response={200: TestOut, **ERRORS}, summary="Probe a model now")
def models_test(request: HttpRequest, name: Name) -> TestOut:
    """Calls each endpoint as its kind is called, and says how far it came. Waits for the outcome. Admins only."""
    caller = admin_of(request)
    results = services.model_test(model=model_of(caller, name))
    told = [probe_out(endpoint, result) for endpoint, result in results]
    return TestOut(answered=any(one.answered for one in told), results=told)


# --- prices ------------------------------------------------------------------------------------------
@router.get("/models/{path:name}/prices", response={200: list[PriceVersion], **ERRORS}, summary="A model's prices")
def prices_list(request: HttpRequest, name: Name) -> list[PriceVersion]:
    """Every version, the newest, which is in force, first."""
    return price_versions(model_of(caller_of(request), name))


def price_versions(model: Model) -> list[PriceVersion]:
    return [
        PriceVersion(
            version=price.pk,
            unit=price.unit,
            price=price_out(price),
            created_at=price.created_at,
            in_force=number == 0,
        )
        for number, price in enumerate(model.prices.order_by("-id"))
    ]


@router.post("/models/{path:name}/prices", response={201: list[PriceVersion], **ERRORS}, summary="Set a price")
def prices_create(request: HttpRequest, name: Name, price: PriceIn) -> Status[list[PriceVersion]]:
    """In force for calls that begin a second from now. The same price again makes no new version. Admins only."""
    caller = admin_of(request)
    model = model_of(caller, name)
    check_price(model, price)
    change(caller, model, {}, price)
    return Status(201, price_versions(model))


def check_price(model: Model, price: PriceDocument) -> None:
    try:
        price.check_kind(model.kind)
    except ValueError as error:
        raise invalid(error, "price") from error


# --- endpoints ---------------------------------------------------------------------------------------
def endpoint_of(model: Model, endpoint_id: int) -> Endpoint:
    endpoint = model.endpoints.filter(pk=endpoint_id).select_related("model").first()
    if endpoint is None:
        raise Http404(f"{model.name} has no endpoint {endpoint_id}.")
    return endpoint


@router.get("/models/{path:name}/endpoints", response={200: list[EndpointOut], **ERRORS}, summary="List endpoints")
def endpoints_list(request: HttpRequest, name: Name) -> list[EndpointOut]:
    """In the order they are called. Admins only."""
    caller = admin_of(request)
    return shown(caller, model_of(caller, name)).endpoints or []


@router.post("/models/{path:name}/endpoints", response={201: EndpointOut, **ERRORS}, summary="Add an endpoint")
def endpoints_create(request: HttpRequest, name: Name, endpoint: EndpointIn) -> Status[EndpointOut]:
    """Admins only. The key is kept encrypted and never answered."""
    caller = admin_of(request)
    model = model_of(caller, name)
    try:
        endpoint.check_kind(model.kind)
        made = endpoint_add(model=model, document=endpoint, actor=caller.user.username)
    except (DocumentError, ValueError) as error:
        raise invalid(error, "api_key" if isinstance(error, DocumentError) else "model") from error
    except RegistryError as error:
        raise refusal(error) from error
    return Status(201, endpoint_out(made, model.kind, has_api_key=bool(made.api_key)))


@router.patch(
    "/models/{path:name}/endpoints/{int:endpoint_id}",
    response={200: EndpointOut, **ERRORS},
    summary="Change an endpoint",
)
def endpoints_change(
    request: HttpRequest, name: Name, endpoint_id: EndpointId, endpoint: EndpointChange
) -> EndpointOut:
    """Only what is sent changes; without `api_key` the key stays. Another place or key is probed at once.
    Admins only."""
    caller = admin_of(request)
    model = model_of(caller, name)
    found = endpoint_of(model, endpoint_id)
    try:
        document = EndpointIn.model_validate(endpoint_values(found) | endpoint.model_dump(exclude_none=True))
        document.check_kind(model.kind)
        changed = endpoint_change(endpoint=found, document=document, actor=caller.user.username)
    except (DocumentError, ValueError) as error:  # ValidationError too is a ValueError
        raise invalid(error, "api_key" if isinstance(error, DocumentError) else "model") from error
    except RegistryError as error:
        raise refusal(error) from error
    return endpoint_out(changed, model.kind, has_api_key=bool(changed.api_key))


def endpoint_values(endpoint: Endpoint) -> dict[str, str | int]:
    names = (
        "vendor",
        "inference_url",
        "auth",
        "thinking",
        "parameter_profile",
        "ca_certificates",
        "priority",
        "weight",
    )
    return {"model": endpoint.upstream_model, **{name: getattr(endpoint, name) for name in names}}


@router.delete(
    "/models/{path:name}/endpoints/{int:endpoint_id}", response={204: None, **ERRORS}, summary="Delete an endpoint"
)
def endpoints_delete(request: HttpRequest, name: Name, endpoint_id: EndpointId) -> Status[None]:
    """Not the last one of a model. Admins only."""
    caller = admin_of(request)
    try:
        endpoint_delete(endpoint=endpoint_of(model_of(caller, name), endpoint_id), actor=caller.user.username)
    except RegistryError as error:
        raise refusal(error) from error
    return Status(204, None)


# --- one model ---------------------------------------------------------------------------------------
@router.get("/models/{path:name}", response={200: ModelOut, **ERRORS}, summary="Read a model")
def models_read(request: HttpRequest, name: Name) -> ModelOut:
    """Admins read every model, others those that are enabled, without their endpoints."""
    caller = caller_of(request)
    return shown(caller, model_of(caller, name))


@router.patch("/models/{path:name}", response={200: ModelOut, **ERRORS}, summary="Change a model")
def models_change(request: HttpRequest, name: Name, model: ModelChange) -> ModelOut:
    """Only what is sent changes. In force within a second. Admins only."""
    caller = admin_of(request)
    found = model_of(caller, name)
    if model.price:
        check_price(found, model.price)
    changes = model.model_dump(exclude_unset=True, exclude={"price", "limits"})
    if "stream_only" in changes and changes["stream_only"] is None:
        raise ApiError(422, "invalid_request_error", "stream_only: send true or false", "stream_only")
    if model.limits:
        changes |= model.limits.model_dump(exclude_unset=True)
    change(caller, found, changes, model.price)
    return shown(caller, found)


def change(caller: Caller, model: Model, changes: dict[str, int | bool | None], price: PriceDocument | None) -> None:
    try:
        model_change(model=model, changes=changes, price=price, actor=caller.user.username)
    except RegistryError as error:
        raise refusal(error) from error


@router.delete("/models/{path:name}", response={204: None, **ERRORS}, summary="Delete a model")
def models_remove(request: HttpRequest, name: Name) -> Status[None]:
    """With its endpoints, prices and health. Every worker stops serving it within a second; usage and bills stay.
    Admins only."""
    caller = admin_of(request)
    models_delete(models=[model_of(caller, name)], actor=caller.user.username)
    return Status(204, None)
