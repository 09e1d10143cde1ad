"""Writes of single endpoints: where a model is answered."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.revision import revision_bump
from accounts.services import audit
from models_registry.documents import EndpointDocument
from models_registry.importing.url_doctor import origin
from models_registry.models import Endpoint, Model
from models_registry.services import RegistryError, endpoints_lock, health_forget

ENDPOINTS_MAX = 20
PLACE = (
    "inference_url",
    "upstream_model",
    "api_key",
    "auth",
    "ca_certificates",
)  # another of these may answer differently


@transaction.atomic
def endpoint_add(*, model: Model, document: EndpointDocument, actor: str) -> Endpoint:
    """Raises RegistryError where there are too many, DocumentError for a key that is none."""
    revision = revision_bump()
    if model.endpoints.count() >= ENDPOINTS_MAX:
        raise RegistryError(f"{model.name} has {ENDPOINTS_MAX} endpoints, which is the most it may have")
    Model.objects.filter(pk=model.pk).update(revision=revision)
    columns = document.model_dump(exclude={"model", "api_key"})
    endpoint = Endpoint.objects.create(
        model=model, upstream_model=document.model, api_key=document.resolved_key(), **columns
    )
    audit(actor=actor, verb="endpoint.create", object=model.name, endpoint=endpoint.pk, vendor=endpoint.vendor)
    return endpoint


@transaction.atomic
def endpoint_change(*, endpoint: Endpoint, document: EndpointDocument, actor: str) -> Endpoint:
    """`document` is what the endpoint should be; without an `api_key` it keeps the one it has.

    Raises RegistryError where the kept key would go to another host than it was given for, or the endpoint is gone.
    Another place, or another key, is probed anew: what was seen of the former says nothing about it.
    """
    columns: dict[str, Any] = document.model_dump(exclude={"model", "api_key", "vendor"})
    columns["upstream_model"] = document.model
    if document.api_key is not None:
        columns["api_key"] = document.resolved_key()
    elif endpoint.api_key and origin(document.inference_url) != origin(endpoint.inference_url):
        raise RegistryError('the host is another one: send the key for it, or "" for none', field="api_key")
    rows = Endpoint.objects.filter(pk=endpoint.pk)
    endpoints_lock(rows)
    changed = {name for name, value in columns.items() if name == "api_key" or getattr(endpoint, name) != value}
    if changed.intersection(PLACE):
        health_forget(endpoints=rows, reason="the endpoint was changed")
        columns |= {"health_reason": "", "probe_due_at": timezone.now()}
    Model.objects.filter(pk=endpoint.model_id).update(revision=revision_bump())
    if not rows.update(**columns):
        raise RegistryError("the endpoint was deleted in the meantime")
    audit(actor=actor, verb="endpoint.change", object=endpoint.model.name, endpoint=endpoint.pk, fields=sorted(changed))
    return rows.select_related("model").get()


@transaction.atomic
def endpoint_delete(*, endpoint: Endpoint, actor: str) -> None:
    """Raises RegistryError for the last one: a model without an endpoint could not be called."""
    endpoints_lock(Endpoint.objects.filter(model=endpoint.model_id))
    Model.objects.filter(pk=endpoint.model_id).update(revision=revision_bump())
    if not Endpoint.objects.filter(model=endpoint.model_id).exclude(pk=endpoint.pk).exists():
        reason = f"this is the only endpoint of {endpoint.model.name}: add another one first, or delete the model"
        raise RegistryError(reason)
    Endpoint.objects.filter(pk=endpoint.pk).delete()
    audit(actor=actor, verb="endpoint.delete", object=endpoint.model.name, endpoint=endpoint.pk)
