"""Models with what stands beside them in lists: endpoints, price in force, health, uptime."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from models_registry.models import Endpoint, HealthChange, Model, Price, health_of
from models_registry.uptime import Change, Span, Uptime, endpoint_spans, uptime_of, window_start

UP, DOWN = Endpoint.Health.UP, Endpoint.Health.DOWN
GRACE = timedelta(seconds=30)  # a worker may be busy


@dataclass(frozen=True)
class ModelRow:
    model: Model
    endpoints: list[Endpoint]  # in the order they are called; their keys were not loaded
    keyed: set[int]  # the ids of those that have a key
    price: Price | None
    uptime: Uptime

    @property
    def health(self) -> str:
        """What callers meet: disabled | checking | up | degraded | down | unknown."""
        if self.model.state != Model.State.ENABLED:
            return self.model.state
        return health_of(endpoint.health for endpoint in self.endpoints)

    @property
    def is_on(self) -> bool:
        """The admin's wish, also while it is being checked."""
        return self.model.state != Model.State.DISABLED

    @property
    def is_checking(self) -> bool:
        return self.model.state == Model.State.CHECKING

    @property
    def checked_at(self) -> datetime | None:
        return max((one.checked_at for one in self.endpoints if one.checked_at), default=None)

    @property
    def others(self) -> int:
        """Endpoints beside the first."""
        return len(self.endpoints) - 1

    @property
    def down_count(self) -> int:
        return sum(endpoint.health == DOWN for endpoint in self.endpoints)


def model_rows(*, models: Iterable[Model]) -> list[ModelRow]:
    """Three queries, however many models there are."""
    chosen = list(models)
    ids = [model.pk for model in chosen]
    endpoints: dict[int, list[Endpoint]] = {pk: [] for pk in ids}
    keyed = set()
    found = Endpoint.objects.filter(model__in=ids).defer("api_key").annotate(has_key=~Q(api_key=""))
    for endpoint in found.order_by("priority", "id"):
        endpoints[endpoint.model_id].append(endpoint)
        if endpoint.has_key:
            keyed.add(endpoint.pk)
    prices = prices_in_force(model_ids=ids)
    now = timezone.now()
    changes = health_changes(endpoints=[one for several in endpoints.values() for one in several], now=now)
    rows = []
    for model in chosen:
        spans = [spans_of(model, one, changes.get(one.pk, []), now) for one in endpoints[model.pk]]
        uptime = uptime_of(endpoints=spans, now=now)
        rows.append(ModelRow(model, endpoints[model.pk], keyed, prices.get(model.pk), uptime))
    return rows


def prices_in_force(*, model_ids: list[int]) -> dict[int, Price]:
    """The newest version of each model that has one."""
    newest = Price.objects.filter(model=OuterRef("pk")).order_by("-id").values("id")[:1]
    ids = Model.objects.filter(pk__in=model_ids).annotate(price_id=Subquery(newest)).values("price_id")
    return {price.model_id: price for price in Price.objects.filter(pk__in=ids)}


def health_changes(*, endpoints: list[Endpoint], now: datetime) -> dict[int, list[Change]]:
    """Those of the hours that uptime tells of, by endpoint, in order."""
    found: dict[int, list[Change]] = {}
    rows = HealthChange.objects.filter(endpoint__in=endpoints, created_at__gte=window_start(now))
    for endpoint_id, at, old, new in rows.order_by("id").values_list("endpoint_id", "created_at", "old", "new"):
        found.setdefault(endpoint_id, []).append(Change(at, old, new))
    return found


def spans_of(model: Model, endpoint: Endpoint, changes: list[Change], now: datetime) -> list[Span]:
    checked = endpoint.checked_at
    if checked is None:
        return []
    late = now - checked > timedelta(seconds=3 * settings.PROBE_INTERVAL_S) + GRACE
    known_until = checked if late or model.state != Model.State.ENABLED else now
    return endpoint_spans(changes=changes, health=endpoint.health, start=window_start(now), known_until=known_until)
