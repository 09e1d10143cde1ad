"""What the ledger can be asked to do, and what it answers. Plain data; `billing.ledger` carries it out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from billing.pricing import Line, Quote, Usage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LedgerError(Exception):
    """The ledger refused, and nothing was booked."""


class InsufficientBalance(LedgerError):
    """Not even one output token is affordable, or an extension was refused."""

    def __init__(self, needed_nano: int, available_nano: int) -> None:
        super().__init__(f"{needed_nano} nano-yuan needed, {available_nano} available")
        self.needed_nano = needed_nano
        self.available_nano = available_nano


class HoldGone(LedgerError):
    """The hold was resolved before: settled once already, or voided as abandoned."""


class LedgerUnavailable(LedgerError):
    """The database could not be reached in time."""


class Leg(NamedTuple):
    """A part of a hold that one wallet reserves; its pending transfer is `<request>/hold/<number>`."""

    number: int
    wallet: str  # trial | paid
    amount_nano: int


class CallContext(NamedTuple):
    """What is known of a call before it is made; kept with the hold, so that an abandoned one can be told."""

    request_id: str
    workspace_id: int
    api_key_id: int | None
    model: str
    operation: str
    streamed: bool
    price_version: int
    started_us: int  # microseconds since 1970 UTC

    @property
    def started_at(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.started_us)


class PlaceHold(NamedTuple):
    """Reserve what `quote` may cost; where the balance is too small the output cap is lowered to fit."""

    context: CallContext
    quote: Quote


@dataclass(slots=True)
class OpenHold:
    """A hold as its process knows it. `legs` grow when it is extended."""

    context: CallContext
    quote: Quote
    legs: list[Leg]
    cap_tokens: int
    balance_nano: int  # trial + paid − open holds, after this hold

    @property
    def held_nano(self) -> int:
        return sum(leg.amount_nano for leg in self.legs)


class ExtendHold(NamedTuple):
    hold: OpenHold
    amount_nano: int

    @property
    def context(self) -> CallContext:
        return self.hold.context


class Settle(NamedTuple):
    """Book what a call really cost and release the rest of its hold; what was held stands in the hold's own row."""

    context: CallContext
    usage: Usage
    lines: list[Line]
    outcome: str
    error_code: str = ""
    endpoint_id: int | None = None
    first_byte_ms: int | None = None
    duration_ms: int = 0


class Settlement(NamedTuple):
    cost_nano: int
    uncollected_nano: int
    balance_nano: int

    @property
    def charged_nano(self) -> int:
        return self.cost_nano - self.uncollected_nano


class Grant(NamedTuple):
    """Money from the platform's promotion account into a wallet. `key` makes a repetition harmless."""

    key: str
    workspace_id: int
    wallet: str
    amount_nano: int
    reason: str


class AbandonedHold(NamedTuple):
    """An open hold that nobody will settle."""

    context: CallContext


Operation = PlaceHold | ExtendHold | Settle | Grant | AbandonedHold
Outcome = OpenHold | Settlement | None | LedgerError
