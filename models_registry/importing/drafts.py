"""One model, imported or changed by an admin in the console. Whole files are `services.registry_apply`'s."""

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.revision import revision_bump
from accounts.services import audit
from models_registry.documents import EndpointDocument, ModelDocument
from models_registry.importing.duplicates import endpoints_copy, key_readable
from models_registry.models import Endpoint, HealthChange, Model
from models_registry.services import RegistryError, price_set

PLACE = ("vendor", "inference_url", "upstream_model")


class NameTaken(RegistryError):
    """Another model has the name; an import overwrites nothing."""


@transaction.atomic
def model_import(
    *, document: ModelDocument, actor: str, draft: str = "", source: Endpoint | None = None, keeps_key: bool = False
) -> Model:
    """A new model, off. The same `draft` sent twice (a double click) is imported once. Raises NameTaken.

    `source` is the endpoint that the document's was copied from: the others of its model come along, and with
    `keeps_key` its key, which then goes only where it went before.
    """
    try:
        with transaction.atomic():
            model = Model.objects.create(name=document.name, kind=document.kind, **model_columns(document))
    except IntegrityError as error:
        if made := model_of_draft(name=document.name, draft=draft):
            return made
        raise NameTaken(f"the name {document.name} is taken") from error
    if document.price:
        price_set(model=model, document=document.price)
    for one in document.endpoints:
        if source and keeps_key:
            one = one.model_copy(update={"api_key": key_readable(source)})
        endpoint_write(model=model, endpoint=None, document=one, keeps_key=False)
    if source and document.kind == source.model.kind:
        others = Endpoint.objects.filter(model=source.model).exclude(pk=source.pk)
        endpoints_copy(endpoints=others.order_by("id"), model=model)
    audit(actor=actor, verb="model.create", object=model.name, draft=draft)
    return model


def model_columns(document: ModelDocument) -> dict[str, Any]:
    return {
        "stream_only": document.stream_only,
        "context_length": document.context_length,
        "max_output_tokens": document.max_output_tokens,
        **document.limits.model_dump(),
        "revision": revision_bump(),
    }


def model_of_draft(*, name: str, draft: str) -> Model | None:
    """The model that this very form made before: a double click, or another press of 保存."""
    sent = AuditEvent.objects.filter(verb="model.create", object=name, details__draft=draft)
    return Model.objects.filter(name=name).first() if draft and sent.exists() else None


@transaction.atomic
def model_change(
    *, model: Model, document: ModelDocument, endpoint: Endpoint | None, keeps_key: bool, actor: str
) -> Endpoint:
    """The model, and the one endpoint of the document: `endpoint` becomes it, None adds it.

    A key that is kept goes only where it went before. Raises RegistryError.
    """
    if not Model.objects.filter(pk=model.pk).update(**model_columns(document)):
        raise RegistryError(f"{model.name} was deleted")
    if document.price:
        price_set(model=model, document=document.price)
    changed = endpoint_write(model=model, endpoint=endpoint, document=document.endpoints[0], keeps_key=keeps_key)
    audit(actor=actor, verb="model.change", object=model.name, endpoint=changed.pk)
    return changed


def endpoint_write(*, model: Model, endpoint: Endpoint | None, document: EndpointDocument, keeps_key: bool) -> Endpoint:
    """Another place is another endpoint: what was seen of the old one says nothing of it."""
    written = endpoint or Endpoint(model=model)
    before = tuple(getattr(written, name) for name in PLACE)
    written.vendor, written.inference_url, written.upstream_model = (
        document.vendor,
        document.inference_url,
        document.model,
    )
    for name in ("auth", "thinking", "parameter_profile", "ca_certificates", "priority", "weight"):
        setattr(written, name, getattr(document, name))
    if not keeps_key:
        written.api_key = document.api_key or ""  # as it was typed: `env:` is for files
    if endpoint and before != tuple(getattr(written, name) for name in PLACE):
        health_forget(endpoint=written)
    written.save()
    return written


def health_forget(*, endpoint: Endpoint) -> None:
    """Changes the endpoint in hand; the caller saves it."""
    unknown = Endpoint.Health.UNKNOWN
    if endpoint.health != unknown:
        reason = "the endpoint was moved"
        HealthChange.objects.create(endpoint=endpoint, old=endpoint.health, new=unknown, reason=reason)
    endpoint.health, endpoint.health_reason, endpoint.checked_at = unknown, "", None
    endpoint.probe_due_at = timezone.now()


@transaction.atomic
def endpoint_remove(*, endpoint: Endpoint, actor: str) -> None:
    """Raises RegistryError for the last one: a model without an endpoint could not be called."""
    model = Model.objects.select_for_update().get(pk=endpoint.model_id)
    if model.endpoints.count() < 2:
        raise RegistryError(f"{model.name} has no other endpoint")
    place = {name: getattr(endpoint, name) for name in PLACE}
    endpoint.delete()
    Model.objects.filter(pk=model.pk).update(revision=revision_bump())
    audit(actor=actor, verb="endpoint.delete", object=model.name, **place)
