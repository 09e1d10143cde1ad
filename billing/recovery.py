"""What did a commit book whose answer never came?

When the connection breaks during COMMIT nobody knows whether the transaction stands. Before such an operation
is tried again, its rows tell: so a hold is not refused as known, and a settlement not as settled before.
"""

from billing.batch import WALLETS
from billing.models import Account, Hold, UsageRecord
from billing.operations import ExtendHold, OpenHold, Operation, PlaceHold, Settle, Settlement
from billing.rows import legs_parse


def booked_before(operation: Operation, *, writer_id: int) -> OpenHold | Settlement | None:
    """The outcome of an operation that `writer_id` tried and that was committed; None when it was not."""
    match operation:
        case PlaceHold():
            return placed_before(operation, writer_id)
        case ExtendHold():
            return extended_before(operation)
        case Settle():
            return settled_before(operation)
        case _:
            return None


def placed_before(operation: PlaceHold, writer_id: int) -> OpenHold | None:
    context, quote = operation.context, operation.quote
    hold = Hold.objects.filter(pk=context.request_id, writer=writer_id).first()
    if hold is None:
        return None
    legs = legs_parse(hold.legs)
    cap = quote.cap_within(sum(leg.amount_nano for leg in legs))
    return OpenHold(context, quote, legs, cap, available_now(context.workspace_id))


def extended_before(operation: ExtendHold) -> OpenHold | None:
    known = operation.hold
    hold = Hold.objects.filter(pk=known.context.request_id).first()
    if hold is None or len(legs := legs_parse(hold.legs)) == len(known.legs):
        return None
    return OpenHold(known.context, known.quote, legs, known.cap_tokens, available_now(known.context.workspace_id))


def settled_before(operation: Settle) -> Settlement | None:
    record = UsageRecord.objects.filter(pk=operation.context.request_id).exclude(outcome="abandoned").first()
    if record is None:
        return None
    return Settlement(record.cost_nano, record.uncollected_nano, record.balance_nano)


def available_now(workspace_id: int) -> int:
    wallets = Account.objects.filter(workspace=workspace_id, kind__in=WALLETS)
    return sum(wallet.available_nano for wallet in wallets)
