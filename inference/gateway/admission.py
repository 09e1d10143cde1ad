"""Who calls, and may they: a key becomes a principal, a model's name becomes a route. From the snapshot alone."""

from collections.abc import Iterable

from accounts.keys import key_digest
from inference.gateway.errors import BadRequest, GatewayError
from inference.gateway.exchange import Exchange
from inference.gateway.routes import EndpointRoute, ModelRoute, Principal, Snapshot
from models_registry.vendors.base import Json
from models_registry.vendors.parameter_profiles import Violation, profile_violation
from models_registry.vendors.qwen_rules import qwen_violation

SHOWN_NAME_MAX = 200


def principal_of(exchange: Exchange, snapshot: Snapshot) -> Principal:
    """`Authorization: Bearer KEY` or the bare `Authorization: KEY`; none where this process vouches for the caller.

    Raises invalid_api_key, permission_denied.
    """
    if exchange.principal is not None:
        return exchange.principal
    given = exchange.headers.get(b"authorization", b"").strip()
    key = given[7:].strip() if given[:7].lower() == b"bearer " else given
    if not key:
        raise GatewayError(
            "invalid_api_key", "No API key was given. Send it in the header Authorization: Bearer YOUR_KEY."
        )
    principal = snapshot.principals.get(key_digest(key))
    if principal is None:
        raise GatewayError("invalid_api_key", "The API key is not valid: it is unknown or was revoked.")
    if not principal.is_active:
        raise GatewayError("permission_denied", "The user this API key belongs to is deactivated.")
    return principal


def model_for(name: str, kind: str | None, snapshot: Snapshot) -> ModelRoute:
    """Raises model_not_found: unknown, not enabled, or not of the kind that is asked for."""
    model = snapshot.models.get(name)
    if model is None:
        shown = name if len(name) <= SHOWN_NAME_MAX else f"{name[:SHOWN_NAME_MAX]}…"
        raise GatewayError("model_not_found", f"The model '{shown}' does not exist or is not enabled.", param="model")
    if kind is not None and model.kind != kind:
        raise GatewayError(
            "model_not_found",
            f"The model '{name}' is of kind {model.kind}; this path takes {kind}.",
            param="model",
        )
    return model


def check_profiles(request: Json, endpoints: Iterable[EndpointRoute]) -> None:
    """Raises BadRequest for a parameter that one of the endpoints would refuse, as its vendor documents."""
    for endpoint in endpoints:
        if endpoint.parameter_profile != "none" and (wrong := violation_at(endpoint, request)):
            raise BadRequest(wrong.message, param=wrong.param)


def violation_at(endpoint: EndpointRoute, request: Json) -> Violation | None:
    """Of a range, or of what the document says in words."""
    if outside := profile_violation(endpoint.parameter_profile, request):
        return outside
    return qwen_violation(request, endpoint.upstream_model) if endpoint.parameter_profile == "qwen" else None
