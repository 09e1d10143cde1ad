"""Operations and outcomes as they pass between a gateway and its clerk's process: frames of marshalled tuples. Pure.

Both ends are the same program on the same machine, so the frames carry no version and no types, only values.
"""

import marshal
from datetime import UTC, datetime, timedelta
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

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LENGTH_BYTES = 4
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
    match operation:
        case PlaceHold():
            return "hold", context_pack(operation.context), quote_pack(operation.quote)
        case Settle():
            return (
                "settle", context_pack(operation.hold.context), tuple(operation.usage),
                [tuple(line) for line in operation.lines], operation.outcome, operation.error_code,
                operation.endpoint_id, operation.first_byte_ms, operation.duration_ms,
            )  # fmt: skip
        case ExtendHold():
            legs = [tuple(leg) for leg in operation.hold.legs]
            return "extend", context_pack(operation.hold.context), legs, operation.amount_nano
        case AbandonedHold():
            return "abandon", context_pack(operation.context)
        case _:
            raise TypeError(f"a gateway never asks for {type(operation).__name__}")


def operation_unpack(packed: tuple[Any, ...]) -> Operation:
    kind, context = packed[0], context_unpack(packed[1])
    match kind:
        case "hold":
            return PlaceHold(context, quote_unpack(packed[2]))
        case "settle":
            usage, lines, outcome, error_code, endpoint_id, first_byte_ms, duration_ms = packed[2:]
            hold = OpenHold(context, NO_QUOTE, [], 0, 0)  # a settlement finds the legs in the hold's own row
            return Settle(
                hold, Usage(*usage), [Line(*line) for line in lines], outcome, error_code, endpoint_id,
                first_byte_ms, duration_ms,
            )  # fmt: skip
        case "extend":
            return ExtendHold(OpenHold(context, NO_QUOTE, [Leg(*leg) for leg in packed[2]], 0, 0), packed[3])
        case _:
            return AbandonedHold(context)


def context_pack(context: CallContext) -> tuple[Any, ...]:
    return (
        context.request_id, context.workspace_id, context.api_key_id, context.model, context.operation,
        context.streamed, context.price_version, (context.started_at - EPOCH) // timedelta(microseconds=1),
    )  # fmt: skip


def context_unpack(packed: tuple[Any, ...]) -> CallContext:
    values = [*packed[:-1], EPOCH + timedelta(microseconds=packed[-1])]
    return CallContext(*values)


def quote_pack(quote: Quote) -> tuple[Any, ...]:
    price = quote.price
    return (
        (price.version, price.input_nano, price.output_nano, price.call_nano, price.page_nano),
        quote.prompt_tokens, quote.cap_tokens, quote.choices, quote.pages,
    )  # fmt: skip


def quote_unpack(packed: tuple[Any, ...]) -> Quote:
    return Quote(Price(*packed[0]), *packed[1:])


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
    legs = [Leg(*leg) for leg in legs]
    if isinstance(operation, ExtendHold):
        hold = operation.hold
        return OpenHold(hold.context, hold.quote, legs, hold.cap_tokens, balance_nano)
    assert isinstance(operation, PlaceHold)
    return OpenHold(operation.context, operation.quote, legs, cap_tokens, balance_nano)
