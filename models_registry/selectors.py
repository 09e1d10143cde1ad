"""Reads of the registry."""

from dataclasses import dataclass, replace

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from models_registry.models import Endpoint, Model

UP, DOWN, UNKNOWN = Endpoint.Health.UP, Endpoint.Health.DOWN, Endpoint.Health.UNKNOWN


def count_enabled() -> int:
    return Model.objects.filter(state=Model.State.ENABLED).count()


def count_unhealthy() -> int:
    """Enabled models none of whose endpoints is up."""
    enabled = Model.objects.filter(state=Model.State.ENABLED)
    return enabled.exclude(endpoints__health__in=(Endpoint.Health.UP, Endpoint.Health.UNKNOWN)).count()


def models_visible(*, user: User) -> QuerySet[Model]:
    """Admins see every model, others those that are served."""
    return Model.objects.all() if user.is_staff else Model.objects.filter(state=Model.State.ENABLED)


# --- finding -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ModelFilter:
    """What a list is narrowed to; an empty word narrows nothing."""

    kind: str = ""
    query: str = ""
    vendor: str = ""
    health: str = ""  # up | degraded | down | unknown: of enabled models
    state: str = ""  # on (also while checking) | off

    def of_kind(self, kind: str) -> "ModelFilter":
        """The same for another kind, or with "" for all of them."""
        return replace(self, kind=kind)

    @property
    def is_narrow(self) -> bool:
        return any((self.query, self.vendor, self.health, self.state))


def models_found(*, user: User, wanted: ModelFilter) -> QuerySet[Model]:
    """In the order of their names, as people sort them."""
    found = models_visible(user=user)
    if wanted.kind:
        found = found.filter(kind=wanted.kind)
    if wanted.state:
        off = Q(state=Model.State.DISABLED)
        found = found.filter(off if wanted.state == "off" else ~off)
    if wanted.vendor:
        found = found.filter(endpoint_exists(vendor=wanted.vendor))
    if wanted.health:
        found = found.filter(in_health(wanted.health), state=Model.State.ENABLED)
    if text := wanted.query.replace("\x00", "").strip():
        found = found.filter(matching(text, sees_endpoints=user.is_staff))
    return found.order_by(Lower("name"), "id")


def matching(text: str, *, sees_endpoints: bool) -> Q:
    """In the name; for admins also in the address, and in the upstream's name for it."""
    by_name = Q(name__icontains=text)
    if not sees_endpoints:
        return by_name
    places = Endpoint.objects.filter(model=OuterRef("pk"))
    return by_name | Q(Exists(places.filter(Q(inference_url__icontains=text) | Q(upstream_model__icontains=text))))


def endpoint_exists(**fields: str) -> Q:
    return Q(Exists(Endpoint.objects.filter(model=OuterRef("pk"), **fields)))


def in_health(word: str) -> Q:
    """The same words as `ModelRow.health`, as the database says them."""
    up, down, unknown = (endpoint_exists(health=health) for health in (UP, DOWN, UNKNOWN))
    words = {"up": up & ~down, "degraded": up & down, "down": down & ~up & ~unknown, "unknown": unknown & ~up}
    return words[word]


def kind_counts(*, user: User, wanted: ModelFilter) -> dict[str, int]:
    """Every kind's number of models that the rest of the filter lets through."""
    found = models_found(user=user, wanted=wanted.of_kind("")).order_by()
    counted = dict(found.values_list("kind").annotate(count=Count("pk")))
    return {kind: counted.get(kind, 0) for kind in Model.Kind.values}


@dataclass(frozen=True)
class Totals:
    models: int
    enabled: int
    down: int


def model_totals() -> Totals:
    enabled = Q(state=Model.State.ENABLED)
    counted = Model.objects.aggregate(
        models=Count("pk"), enabled=Count("pk", filter=enabled), down=Count("pk", filter=enabled & in_health("down"))
    )
    return Totals(**counted)


def vendors_used() -> list[str]:
    return sorted(Endpoint.objects.values_list("vendor", flat=True).distinct())


def model_by_name(*, user: User, name: str) -> Model:
    """Raises Model.DoesNotExist also for what the user may not see."""
    if "\x00" in name:  # PostgreSQL cannot even be asked
        raise Model.DoesNotExist
    return models_visible(user=user).get(name=name)
