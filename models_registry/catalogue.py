"""The catalogue: what developers may call, at what price, in what health. Three queries, however many models.

Everything fits in memory (a thousand models are a thousand short rows), so filters, counts and orders are plain
functions over one list.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Max, QuerySet

from accounts.money import NANO_PER_YUAN
from models_registry.models import Endpoint, Model, Price, health_of
from models_registry.offers import Buys, Offer, series_of, yuan_buys

KINDS = {kind.value: order for order, kind in enumerate(Model.Kind)}
COLUMNS = ("name", "kind", "state", "context_length", "max_output_tokens", "rpm", "tpm", "concurrency")  # as in Entry
OFFER = ("unit", "input_nano", "output_nano", "call_nano", "page_nano")  # as in Offer
NO_PRICE = (0, "none", 0, 0, 0, 0)


@dataclass(frozen=True)
class Entry:
    """A served model as developers see it: no address, no key, no vendor."""

    name: str
    kind: str
    state: str
    context_length: int | None
    max_output_tokens: int | None
    rpm: int | None
    tpm: int | None
    concurrency: int | None
    offer: Offer
    price_version: int
    health: str

    @property
    def kind_label(self) -> str:
        return Model.Kind(self.kind).label

    @property
    def is_callable(self) -> bool:
        return self.state == Model.State.ENABLED and self.health != "down"

    @property
    def has_output_price(self) -> bool:
        return self.kind == Model.Kind.LLM

    @cached_property
    def series(self) -> str:
        return series_of(self.name)

    @cached_property
    def buys(self) -> Buys:
        return yuan_buys(self.kind, self.offer)


# --- reading ---------------------------------------------------------------------------------------
def entries_enabled() -> list[Entry]:
    """By kind, then name."""
    found = entries_of(Model.objects.filter(state=Model.State.ENABLED))
    return sorted(found, key=lambda entry: (KINDS[entry.kind], entry.name.casefold()))


def entry_visible(*, name: str, is_admin: bool) -> Entry:
    """Developers see what is enabled, admins everything. Raises Model.DoesNotExist."""
    models = Model.objects.filter(name=name.replace("\0", ""))  # PostgreSQL takes no NUL
    found = entries_of(models if is_admin else models.filter(state=Model.State.ENABLED))
    if not found:
        raise Model.DoesNotExist
    return found[0]


def entries_matching(*, words: str, limit: int, is_admin: bool) -> list[Entry]:
    """The few models whose names hold the words; the shortest names first, for they match best."""
    models = Model.objects.filter(name__icontains=words)
    if not is_admin:
        models = models.filter(state=Model.State.ENABLED)
    names = sorted(models.values_list("name", flat=True)[:1000], key=lambda name: (len(name), name))[:limit]
    found = {entry.name: entry for entry in entries_of(Model.objects.filter(name__in=names))}
    return [found[name] for name in names if name in found]


def chat_model_suggested() -> str:
    """The name to put into a first example; "" where no chat model is served."""
    chats = Model.objects.filter(state=Model.State.ENABLED, kind=Model.Kind.LLM)
    up = chats.filter(endpoints__health=Endpoint.Health.UP).order_by("name").values_list("name", flat=True).first()
    return up or chats.order_by("name").values_list("name", flat=True).first() or ""


def entries_of(models: QuerySet[Model]) -> list[Entry]:
    """Plain tuples all the way: a thousand model instances would cost more than the page they are for."""
    rows = list(models.values_list("pk", *COLUMNS))
    within = models.values("pk")
    newest = Price.objects.filter(model__in=within).values("model_id").annotate(newest=Max("pk")).values("newest")
    prices = {row[0]: row[1:] for row in Price.objects.filter(pk__in=newest).values_list("model_id", "pk", *OFFER)}
    seen: dict[int, list[str]] = defaultdict(list)
    for model_id, health in Endpoint.objects.filter(model__in=within).values_list("model_id", "health"):
        seen[model_id].append(health)
    return [
        Entry(*columns, Offer(*offer), version, health_of(seen[pk]))  # type: ignore[call-arg]  # counts stars as many
        for pk, *columns in rows
        for version, *offer in (prices.get(pk, NO_PRICE),)
    ]


# --- choosing --------------------------------------------------------------------------------------
SERIES_SHOWN = 5
PRICE_SLIDER_YUAN = 100
CONTEXTS = ((32_000, "32K"), (128_000, "128K"), (1_000_000, "1M"))


@dataclass(frozen=True)
class Wanted:
    """What a visitor asked to see. Empty sets, None and 0 ask for nothing."""

    words: str = ""
    kinds: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()
    token_nano_max: int | None = None
    context_min: int = 0
    is_healthy: bool = False

    def holds(self, entry: Entry) -> bool:
        text = f"{entry.name} {entry.series} {entry.kind_label}".casefold()
        dearest = entry.offer.token_nano_max
        return (
            all(word in text for word in self.words.casefold().split())
            and (not self.kinds or entry.kind in self.kinds)
            and (not self.series or entry.series in self.series)
            and (self.token_nano_max is None or (dearest is not None and dearest <= self.token_nano_max))
            and (not self.context_min or (entry.context_length or 0) >= self.context_min)
            and (not self.is_healthy or entry.health == "up")
        )


def buys_order(entry: Entry) -> tuple[bool, int]:
    return entry.buys.unit != "all", -entry.buys.quantity


ORDERS: dict[str, Callable[[Entry], object]] = {
    "name": lambda entry: entry.name.casefold(),
    "context": lambda entry: -(entry.context_length or 0),
    "input": lambda entry: (entry.offer.page_nano or entry.offer.call_nano, entry.offer.input_nano),
    "output": lambda entry: (entry.offer.page_nano or entry.offer.call_nano, entry.offer.output_nano),
    "buys": buys_order,
}


def entries_choose(entries: list[Entry], wanted: Wanted, order: str = "") -> list[Entry]:
    """Keeps the order of the list unless another is asked for."""
    found = [entry for entry in entries if wanted.holds(entry)]
    return sorted(found, key=ORDERS[order]) if order in ORDERS else found  # type: ignore[arg-type]


@dataclass(frozen=True)
class Facet:
    """One thing to choose in the filter column."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class Facets:
    kinds: list[Facet]
    series: list[Facet]
    contexts: list[Facet]

    @property
    def series_first(self) -> list[Facet]:
        return self.series[:SERIES_SHOWN]

    @property
    def series_more(self) -> list[Facet]:
        return self.series[SERIES_SHOWN:]

    @property
    def is_more_open(self) -> bool:
        return any(one.is_chosen for one in self.series_more)


def price_ceiling_yuan(entries: list[Entry]) -> int:
    """The end of the price slider in whole yuan: the dearest tokens, unless their price is beyond all reason."""
    dearest = max((entry.offer.token_nano_max or 0 for entry in entries), default=0)
    return min(max(1, -(-dearest // NANO_PER_YUAN)), PRICE_SLIDER_YUAN)


def facets_of(entries: list[Entry], wanted: Wanted) -> Facets:
    kinds = Counter(entry.kind for entry in entries)
    series = Counter(entry.series for entry in entries if entry.series)
    return Facets(
        kinds=[Facet(kind.value, kind.label, kinds[kind], kind.value in wanted.kinds) for kind in Model.Kind],
        series=[
            Facet(name, name, count, name in wanted.series)
            for name, count in sorted(series.items(), key=lambda one: (-one[1], one[0].casefold()))
        ],
        contexts=[
            Facet(
                str(least),
                f"≥ {label}",
                sum((entry.context_length or 0) >= least for entry in entries),
                least == wanted.context_min,
            )
            for least, label in CONTEXTS
        ],
    )
