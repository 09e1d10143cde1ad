"""The relay's dealings with the clerk: one hold before the upstream is called, one settlement after."""

from accounts.money import nano_to_yuan
from billing.operations import (
    ExtendHold,
    HoldGone,
    InsufficientBalance,
    LedgerError,
    OpenHold,
    PlaceHold,
    Settle,
    Settlement,
)
from billing.pricing import receipt_lines
from billing.remote_clerk import RemoteClerk
from inference.gateway.call import Call, Ending
from inference.gateway.errors import GatewayError
from inference.gateway.metrics import TOKENS_IN, TOKENS_OUT

EXTENSION_TOKENS = 256


async def place_hold(clerk: RemoteClerk, operation: PlaceHold) -> OpenHold:
    """Raises GatewayError insufficient_balance or ledger_unavailable. A cancelled caller leaves no hold behind."""
    try:
        return await clerk.hold(operation)
    except InsufficientBalance as error:
        raise insufficient(error) from error
    except LedgerError as error:
        raise GatewayError("ledger_unavailable", "The ledger is not answering; nothing was charged.") from error


def insufficient(error: InsufficientBalance) -> GatewayError:
    return GatewayError(
        "insufficient_balance",
        f"The balance does not cover this call: at least ¥{nano_to_yuan(error.needed_nano)} is needed,"
        f" ¥{nano_to_yuan(error.available_nano)} is available.",
    )


async def extend_hold(call: Call) -> None:
    """Room for EXTENSION_TOKENS more. Raises GatewayError insufficient_balance when the balance has none."""
    hold = call.hold
    target = hold.quote.cost_nano(call.meter.counted_tokens // hold.quote.choices + EXTENSION_TOKENS)
    amount = target - hold.held_nano
    if amount <= 0:
        return
    try:
        call.hold = await call.gateway.clerk.extend(ExtendHold(hold, amount))
    except InsufficientBalance as error:
        raise insufficient(error) from error
    except LedgerError as error:
        raise GatewayError("ledger_unavailable", "The ledger cannot be reached; the stream ends here.") from error


async def settle(call: Call, ending: Ending) -> Settlement:
    """What was really booked: nothing, when the hold had been voided in the meantime."""
    TOKENS_IN.inc(ending.usage.prompt_tokens)
    TOKENS_OUT.inc(ending.usage.completion_tokens)
    try:
        return await call.gateway.clerk.settle(settlement_of(call, ending))
    except HoldGone:
        return Settlement(0, 0, call.hold.balance_nano + call.hold.held_nano)
    except LedgerError as error:  # the sweep will give the hold back
        raise GatewayError("ledger_unavailable", "The ledger cannot be reached; nothing was charged.") from error


def settle_later(call: Call, ending: Ending) -> None:
    """For a call that is being cancelled and may not wait; the clerk books it before it stops."""
    call.gateway.clerk.submit(settlement_of(call, ending))


def settlement_of(call: Call, ending: Ending) -> Settle:
    return Settle(
        context=call.hold.context,
        usage=ending.usage,
        lines=receipt_lines(call.model.price, ending.usage) if ending.usage.source != "none" else [],
        outcome=ending.outcome,
        error_code=ending.error.code if ending.error else "",
        endpoint_id=call.endpoint.id if call.endpoint else None,
        first_byte_ms=call.first_byte_ms,
        duration_ms=call.exchange.elapsed_ms,
    )
