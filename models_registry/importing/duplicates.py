"""A model once more under another name: what it is, its price, its endpoints and their keys, but disabled."""

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from accounts.revision import revision_bump
from accounts.services import audit
from models_registry.models import Endpoint, Model
from models_registry.secret import SecretUnreadable
from models_registry.services import ModelExists, RegistryError

NAME_MAX = 200
NEW_MODEL: dict[str, Any] = {
    "state": Model.State.DISABLED,
    "state_reason": "",
    "checking_since": None,
    "lease_until": None,
}
NEW_ENDPOINT: dict[str, Any] = {"health": Endpoint.Health.UNKNOWN, "health_reason": "", "checked_at": None}


@transaction.atomic
def model_duplicate(*, model: Model, name: str, actor: str) -> Model:
    """Raises ModelExists, RegistryError. Keys go where they went before: the addresses are the same."""
    revision = revision_bump()  # one importer at a time
    if Model.objects.filter(name=name).exists():
        raise ModelExists(f"there is a model {name!r}; choose another name", field="name")
    made = Model.objects.filter(pk=model.pk).first()
    if made is None:
        raise RegistryError(f"{model.name} was deleted in the meantime")
    insert_again(made, NEW_MODEL | {"name": name, "revision": revision, "created_at": timezone.now()})
    for price in model.prices.order_by("-id")[:1]:
        insert_again(price, {"model": made, "created_at": timezone.now()})
    endpoints_copy(endpoints=model.endpoints.order_by("id"), model=made)
    audit(actor=actor, verb="model.create", object=name, copy_of=model.name)
    return made


def endpoints_copy(*, endpoints: Iterable[Endpoint], model: Model) -> None:
    """Nothing was seen of them yet. In the caller's transaction."""
    for endpoint in endpoints:
        now = {"probe_due_at": timezone.now(), "api_key": key_readable(endpoint)}
        insert_again(endpoint, NEW_ENDPOINT | now | {"model": model})


def insert_again(row: models.Model, changes: dict[str, Any]) -> None:
    """The row in hand becomes a new one of the same columns, but for the changes."""
    row.pk = None
    row._state.adding = True
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()


def key_readable(endpoint: Endpoint) -> str:
    """Empty where the key cannot be decrypted any more: it has to be typed again."""
    try:
        return endpoint.api_key.reveal()
    except SecretUnreadable:
        return ""


def name_free(name: str) -> str:
    """deepseek-v3-copy, or the next that nobody has."""
    first = f"{name[: NAME_MAX - 10]}-copy"
    taken = set(Model.objects.filter(name__startswith=first).values_list("name", flat=True))
    return next(
        one for one in (first, *(f"{first}-{number}" for number in range(2, len(taken) + 3))) if one not in taken
    )
