"""Operations and outcomes as they pass between a gateway and its clerk's process: frames of marshalled tuples. Pure.

Both ends are the same program on the same machine, so the frames carry no version and no types, only values.
"""

import marshal
from typing import Any

from billing.operations import (
    AbandonedHold,
    CallContext,
    ExtendHold,
    HoldGone,
    InsufficientBalance,
    LedgerError,
    LedgerUnavailable,
    Leg,
    OpenHold,
    Operation,
    Outcome,
    PlaceHold,
    Settle,
    Settlement,
)
from billing.pricing import Line, Price, Quote, Usage

LENGTH_BYTES = 4
HELLO, REPORT = -1, -2  # tickets that are no bookings: the clerk's writer id; how it is, and what it counted
REPORT_EVERY_S = 2.0
NO_QUOTE = Quote(Price(version=0), prompt_tokens=0)

Frame = list[tuple[int, Any]]  # (ticket, packed operation or outcome), …


# --- frames ------------------------------------------------------------------------------------------
def frame_pack(items: Frame) -> bytes:
    body = marshal.dumps(items)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class FrameReader:
    """Feed it what the socket brings; it gives back whole frames."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        data = self.rest + data if self.rest else data
        frames, start = [], 0
        while len(data) - start >= LENGTH_BYTES:
            begin = start + LENGTH_BYTES
            end = begin + int.from_bytes(data[start:begin], "big")
            if len(data) < end:
                break
            frames.append(marshal.loads(data[begin:end]))  # noqa: S302 - from our own other half
            start = end
        self.rest = data[start:]
        return frames


# --- operations --------------------------------------------------------------------------------------
def operation_pack(operation: Operation) -> tuple[Any, ...]:
    """marshal takes plain tuples only, at every depth."""
    match operation:
        case PlaceHold(context, (price, *counts)):
            return "hold", tuple(context), tuple(price), counts
        case Settle(context, usage, lines):
            return "settle", tuple(context), tuple(usage), [tuple(line) for line in lines], operation[3:]
        case ExtendHold(hold, amount_nano):
            return "extend", tuple(hold.context), [tuple(leg) for leg in hold.legs], amount_nano
        case AbandonedHold(context):
            return "abandon", tuple(context)
        case _:
            raise TypeError(f"a gateway never asks for {type(operation).__name__}")


def operation_unpack(packed: tuple[Any, ...]) -> Operation:
    kind, context = packed[0], CallContext._make(packed[1])
    match kind:
        case "hold":
            return PlaceHold(context, Quote(Price._make(packed[2]), *packed[3]))
        case "settle":
            return Settle(context, Usage._make(packed[2]), [Line._make(line) for line in packed[3]], *packed[4])
        case "extend":
            return ExtendHold(OpenHold(context, NO_QUOTE, [Leg._make(leg) for leg in packed[2]], 0, 0), packed[3])
        case _:
            return AbandonedHold(context)


# --- outcomes ----------------------------------------------------------------------------------------
def outcome_pack(outcome: Outcome) -> tuple[Any, ...]:
    match outcome:
        case OpenHold():
            return "hold", [tuple(leg) for leg in outcome.legs], outcome.cap_tokens, outcome.balance_nano
        case Settlement():
            return "settlement", *outcome
        case None:
            return ("done",)
        case InsufficientBalance():
            return "insufficient", outcome.needed_nano, outcome.available_nano
        case HoldGone():
            return "gone", str(outcome)
        case LedgerUnavailable():
            return "unavailable", str(outcome)
        case _:
            return "refused", str(outcome)


def outcome_unpack(packed: tuple[Any, ...], operation: Operation) -> Outcome:
    """`operation` is what was asked for; what it already said need not come back."""
    kind, *values = packed
    match kind:
        case "hold":
            return hold_unpack(values, operation)
        case "settlement":
            return Settlement(*values)
        case "done":
            return None
        case "insufficient":
            return InsufficientBalance(*values)
        case _:
            return {"gone": HoldGone, "unavailable": LedgerUnavailable}.get(kind, LedgerError)(*values)


def hold_unpack(values: list[Any], operation: Operation) -> OpenHold:
    legs, cap_tokens, balance_nano = values
    legs = [Leg._make(leg) for leg in legs]
    if isinstance(operation, ExtendHold):
        hold = operation.hold
        return OpenHold(hold.context, hold.quote, legs, hold.cap_tokens, balance_nano)
    assert isinstance(operation, PlaceHold)
    return OpenHold(operation.context, operation.quote, legs, cap_tokens, balance_nano)
