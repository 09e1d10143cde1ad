"""Writes of the registry: what is served, at what price, and whether it is on.

Locks are taken in one order everywhere: endpoints, the revision, the model.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.revision import revision_bump
from accounts.services import audit, audit_many
from models_registry.documents import DocumentError, EndpointDocument, ModelDocument, PriceDocument, RegistryDocument
from models_registry.models import Endpoint, HealthChange, Model, Price
from models_registry.rows import prices_in_force

LEASE_S = 30  # longer than a probe may take
CHECKING_LIMIT_S = 50


class RegistryError(Exception):
    """A wish that cannot be met; the message says why and what to do. `field` names what is at fault, if a field is."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ModelExists(RegistryError):
    """A model of this name is already there."""


# --- what is served --------------------------------------------------------------------------------
@transaction.atomic
def registry_apply(*, document: RegistryDocument, actor: str) -> list[Model]:
    """Upserts the document's models by name, all or none. Models it does not name stay as they are."""
    names = [one.name for one in document.models]
    revision = applying_begin(names=names)
    there = {one.name: one for one in Model.objects.filter(name__in=names)}
    models_insert(documents=[one for one in document.models if one.name not in there], revision=revision, actor=actor)
    models_rewrite(documents=[one for one in document.models if one.name in there], models=there, revision=revision)
    audit_many(actor=actor, verb="model.change", objects=[name for name in names if name in there])
    found = {one.name: one for one in Model.objects.filter(name__in=names)}
    return [found[name] for name in names]


def applying_begin(*, names: Sequence[str]) -> int:
    """The next revision, with the endpoints of these models locked before it. Whoever waited here while others wrote
    such endpoints lets go and begins anew: to lock those now would be the wrong order. In the caller's transaction."""
    endpoints = Endpoint.objects.filter(model__name__in=names)
    while True:
        begun = transaction.savepoint()
        locked = endpoints_lock(endpoints)
        revision = revision_bump()
        if locked.issuperset(endpoints.values_list("id", flat=True)):
            transaction.savepoint_commit(begun)
            return revision
        transaction.savepoint_rollback(begun)


def models_insert(*, documents: Sequence[ModelDocument], revision: int, actor: str) -> list[Model]:
    """New models in a few statements, however many they are: the ledger waits meanwhile. In the caller's transaction,
    which holds the revision and has seen that their names are free."""
    pairs = [(Model(name=one.name, **columns_of(one), revision=revision), one) for one in documents]
    Model.objects.bulk_create(model for model, _one in pairs)
    Price.objects.bulk_create(Price(model=model, **one.price.columns()) for model, one in pairs if one.price)
    Endpoint.objects.bulk_create(
        endpoint_new(model, endpoint, endpoint_columns(model, endpoint))
        for model, one in pairs
        for endpoint in one.endpoints
    )
    audit_many(actor=actor, verb="model.create", objects=[one.name for one in documents])
    return [model for model, _one in pairs]


def models_rewrite(*, documents: Sequence[ModelDocument], models: Mapping[str, Model], revision: int) -> None:
    """`models` are those of the documents, by name. In the caller's transaction, which has locked the endpoints and
    holds the revision. Raises DocumentError."""
    prices = prices_in_force(model_ids=[model.pk for model in models.values()])
    endpoints: dict[int, list[Endpoint]] = {model.pk: [] for model in models.values()}
    for endpoint in Endpoint.objects.filter(model__in=endpoints).defer("api_key").order_by("id"):
        endpoints[endpoint.model_id].append(endpoint)
    priced = []
    for one in documents:
        model = models[one.name]
        price = prices.get(model.pk)
        if one.price:
            priced += price_changed(model=model, newest=price, document=one.price)
        elif price and model.kind != one.kind:
            words = f"price is missing: it was priced as kind {model.kind} and is to be {one.kind}"
            raise DocumentError(f"{one.name}: {words}")
        columns = columns_of(one)
        if differ(model, columns):
            Model.objects.filter(pk=model.pk).update(**columns)
        endpoints_replace(model=model, stored=endpoints[model.pk], documents=one.endpoints)
    Price.objects.bulk_create(priced)
    Model.objects.filter(pk__in=endpoints).update(revision=revision)


def differ(row: Model | Endpoint | Price, columns: Mapping[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in columns.items())


def columns_of(document: ModelDocument) -> dict[str, Any]:
    return {
        "kind": document.kind,
        "stream_only": document.stream_only,
        "context_length": document.context_length,
        "max_output_tokens": document.max_output_tokens,
        **document.limits.model_dump(),
    }


@transaction.atomic
def model_create(*, document: ModelDocument, actor: str) -> Model:
    """Raises ModelExists: what is served under a name is not replaced by an import that knows nothing of it."""
    revision = revision_bump()  # one importer at a time, so that of two with the same name the second is told so
    if Model.objects.filter(name=document.name).exists():
        raise ModelExists(f"there is a model {document.name!r}; change that one, or choose another name", field="name")
    (made,) = models_insert(documents=[document], revision=revision, actor=actor)
    return made


@transaction.atomic
def model_change(*, model: Model, changes: dict[str, Any], price: PriceDocument | None, actor: str) -> None:
    """`changes` are columns of the model: limits, lengths, stream_only. A price becomes a new version."""
    changed = Model.objects.filter(pk=model.pk).update(**changes, revision=revision_bump())
    if not changed:
        raise RegistryError(f"{model.name} was deleted in the meantime")
    if price:
        price_set(model=model, document=price)
    details = {name: value for name, value in changes.items() if getattr(model, name) != value}
    audit(actor=actor, verb="model.change", object=model.name, price=bool(price), **details)


@transaction.atomic
def models_delete(*, models: Iterable[Model], actor: str) -> list[str]:
    """The names of those that were there. Gateways stop serving them with the revision; usage and transfers stay."""
    ids = [model.pk for model in models]
    endpoints_lock(Endpoint.objects.filter(model__in=ids))
    revision_bump()
    names = list(Model.objects.filter(pk__in=ids).order_by("name").values_list("name", flat=True))
    Model.objects.filter(pk__in=ids).delete()
    for name in names:
        audit(actor=actor, verb="model.delete", object=name)
    return names


def endpoints_lock(endpoints: QuerySet[Endpoint]) -> set[int]:
    """First of all, as whoever observes health does: two who lock in different orders wait for each other for ever.
    Their ids."""
    return set(endpoints.select_for_update(of=("self",)).order_by("id").values_list("id", flat=True))


def price_set(*, model: Model, document: PriceDocument) -> None:
    """A new version, unless the newest says the same."""
    Price.objects.bulk_create(
        price_changed(model=model, newest=model.prices.order_by("-id").first(), document=document)
    )


def price_changed(*, model: Model, newest: Price | None, document: PriceDocument) -> list[Price]:
    """The new version, not yet written, or none."""
    columns = {"input_nano": 0, "output_nano": 0, "call_nano": 0, "page_nano": 0, **document.columns()}
    return [Price(model=model, **columns)] if newest is None or differ(newest, columns) else []


def endpoints_replace(*, model: Model, stored: list[Endpoint], documents: list[EndpointDocument]) -> None:
    """The endpoints become those of the documents; one that stays the same place keeps its health and history,
    and its key where the document is silent about it, as exported documents are."""
    left = list(stored)
    for document in documents:
        columns = endpoint_columns(model, document)
        place = (document.vendor, document.inference_url, document.model)
        same = [one for one in left if (one.vendor, one.inference_url, one.upstream_model) == place][:1]
        if not same:
            endpoint_new(model, document, columns).save()
        for endpoint in same:
            left.remove(endpoint)
            if "api_key" in columns or differ(endpoint, columns):
                Endpoint.objects.filter(pk=endpoint.pk).update(**columns)
    if left:
        model.endpoints.filter(pk__in=[one.pk for one in left]).delete()


def endpoint_new(model: Model, document: EndpointDocument, columns: dict[str, Any]) -> Endpoint:
    place = {"vendor": document.vendor, "inference_url": document.inference_url, "upstream_model": document.model}
    return Endpoint(model=model, **place, **columns)


def endpoint_columns(model: Model, document: EndpointDocument) -> dict[str, Any]:
    """Of where it stays. Raises DocumentError."""
    columns = document.model_dump(exclude={"vendor", "inference_url", "model", "api_key"})
    return columns if document.api_key is None else {**columns, "api_key": key_of(document, model)}


def key_of(document: EndpointDocument, model: Model) -> str:
    """Raises DocumentError that names the model: a file may have thousands."""
    try:
        return document.resolved_key()
    except DocumentError as error:
        raise DocumentError(f"{model.name}: {error}") from None


# --- on and off ------------------------------------------------------------------------------------
@transaction.atomic
def enabling_request(*, model: Model, actor: str) -> None:
    """The admin's wish. The model is served once a probe has claimed it and an endpoint has answered."""
    if not model.prices.exists():
        reason = f"{model.name} has no price: give it one, or mark it free, before it is enabled"
        raise RegistryError(reason, field="price")
    if not model.endpoints.exists():
        raise RegistryError(f"{model.name} has no endpoint to call", field="endpoints")
    endpoints_lock(model.endpoints.all())
    begun = Model.objects.filter(pk=model.pk, state=Model.State.DISABLED).update(
        state=Model.State.CHECKING, checking_since=timezone.now(), lease_until=None, state_reason=""
    )
    if begun:
        health_forget(endpoints=model.endpoints.all(), reason="nobody looked while the model was off")
    audit(actor=actor, verb="model.enable", object=model.name)


def enabling_claim(*, model_id: int) -> bool:
    """True for the one who may probe it now. A lease that ran out can be claimed again."""
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    claimed = Model.objects.filter(free, pk=model_id, state=Model.State.CHECKING).update(
        lease_until=now + timedelta(seconds=LEASE_S)
    )
    return claimed == 1


@transaction.atomic
def enabling_finish(*, model_id: int, answered: bool, reason: str) -> None:
    """Served, or off again with the reason. Whoever comes late changes nothing: a model that was disabled in the
    meantime stays off, and one that is served is not taken from its callers by a probe."""
    Model.objects.filter(pk=model_id, state=Model.State.CHECKING).update(
        state=Model.State.ENABLED if answered else Model.State.DISABLED,
        state_reason="" if answered else reason,
        checking_since=None,
        lease_until=None,
        revision=revision_bump(),
    )


@transaction.atomic
def model_disable(*, model: Model, actor: str, reason: str = "") -> None:
    """Off within a second."""
    Model.objects.filter(pk=model.pk).update(
        state=Model.State.DISABLED,
        state_reason=reason,
        checking_since=None,
        lease_until=None,
        revision=revision_bump(),
    )
    audit(actor=actor, verb="model.disable", object=model.name)


@transaction.atomic
def models_disable(*, models: Iterable[Model], actor: str) -> int:
    """How many of them were on."""
    chosen = Model.objects.filter(pk__in=[model.pk for model in models]).exclude(state=Model.State.DISABLED)
    on = list(chosen.order_by("id"))
    for model in on:
        model_disable(model=model, actor=actor)
    return len(on)


def enabling_unclaimed() -> list[int]:
    """Models still waiting for a probe, after those that waited too long were switched off."""
    now = timezone.now()
    late = Model.objects.filter(
        state=Model.State.CHECKING, checking_since__lt=now - timedelta(seconds=CHECKING_LIMIT_S)
    )
    for model_id in list(late.values_list("id", flat=True)):
        enabling_finish(model_id=model_id, answered=False, reason=f"no probe finished within {CHECKING_LIMIT_S} s")
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    return list(Model.objects.filter(free, state=Model.State.CHECKING).values_list("id", flat=True))


# --- health ----------------------------------------------------------------------------------------
@transaction.atomic
def health_observe(*, endpoint_id: int, health: str, reason: str) -> bool:
    """Writes what was seen; a change is a row, and moves the revision. False when the endpoint is gone."""
    endpoint = Endpoint.objects.select_for_update().filter(pk=endpoint_id).first()
    if endpoint is None:
        return False
    Endpoint.objects.filter(pk=endpoint_id).update(health=health, health_reason=reason, checked_at=timezone.now())
    if endpoint.health != health:
        HealthChange.objects.create(endpoint=endpoint, old=endpoint.health, new=health, reason=reason)
        Model.objects.filter(pk=endpoint.model_id).update(revision=revision_bump())
    return True


def health_forget(*, endpoints: QuerySet[Endpoint], reason: str) -> None:
    """Known no longer, and not since the last check: callers may try, and the next probe tells.

    In the caller's transaction.
    """
    endpoints_lock(endpoints)
    changes = [
        HealthChange(
            endpoint=endpoint,
            old=endpoint.health,
            new=Endpoint.Health.UNKNOWN,
            reason=reason,
            created_at=endpoint.checked_at or timezone.now(),
        )
        for endpoint in endpoints.exclude(health=Endpoint.Health.UNKNOWN).defer("api_key")
    ]
    HealthChange.objects.bulk_create(changes)
    Endpoint.objects.filter(pk__in=[change.endpoint_id for change in changes]).update(health=Endpoint.Health.UNKNOWN)


def probes_request(*, models: Iterable[Model]) -> int:
    """Makes the next probe of the enabled ones among them due now; how many models these are."""
    on = Model.objects.filter(pk__in=[model.pk for model in models], state=Model.State.ENABLED)
    Endpoint.objects.filter(model__in=on.values("pk")).update(probe_due_at=timezone.now())
    return on.count()


def probes_claim(*, interval_s: float, limit: int = 100) -> list[int]:
    """Endpoints of enabled models whose probe is due; claiming one puts its next probe an interval away."""
    now = timezone.now()
    due = Endpoint.objects.filter(probe_due_at__lte=now, model__state=Model.State.ENABLED).order_by("probe_due_at")
    claimed = []
    for pk, due_at in due.values_list("pk", "probe_due_at")[:limit]:
        again = now + timedelta(seconds=interval_s)
        if Endpoint.objects.filter(pk=pk, probe_due_at=due_at).update(probe_due_at=again):
            claimed.append(pk)
    return claimed
