"""One admitted call and the parts of the gateway that carry it."""

from dataclasses import dataclass, field

from billing.operations import OpenHold
from billing.pricing import Usage
from billing.remote_clerk import RemoteClerk
from inference.gateway.errors import GatewayError
from inference.gateway.exchange import Exchange
from inference.gateway.limits import Entry, LimitCounter
from inference.gateway.metering import StreamMeter
from inference.gateway.routes import EndpointRoute, ModelRoute
from inference.gateway.routing import EndpointHealth
from inference.gateway.snapshot import SnapshotKeeper
from inference.gateway.upstream import Transport
from inference.gateway.watch import Watch
from models_registry.vendors.base import Json

NOTHING_USED = Usage()


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; see the settings of the same names."""

    first_byte_s: float
    idle_s: float
    total_s: float
    keepalive_s: float


@dataclass(slots=True)
class Gateway:
    """What every call needs; one per process."""

    keeper: SnapshotKeeper
    clerk: RemoteClerk
    transport: Transport
    timing: Timing
    limits: LimitCounter
    body_bytes_max: int
    health: EndpointHealth = field(default_factory=EndpointHealth)


@dataclass(slots=True)
class Call:
    """A call whose hold is open. `request` is what goes upstream, with the cap the balance pays for."""

    gateway: Gateway
    exchange: Exchange
    operation: str
    request: Json
    model: ModelRoute
    candidates: list[EndpointRoute]
    hold: OpenHold
    entry: Entry
    watch: Watch
    meter: StreamMeter
    is_streamed: bool
    wants_usage: bool
    was_sent: bool = False  # upstream was called: from here on a caller who leaves pays for the prompt
    endpoint: EndpointRoute | None = None  # the one asked last
    first_byte_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended: what is billed, and what is left to be said to the caller."""

    outcome: str  # success | client_closed | broken_off | failed
    usage: Usage = NOTHING_USED
    error: GatewayError | None = None
    body: bytes = b""  # a whole reply, ready to be sent
