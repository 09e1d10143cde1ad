"""What must be true of the books after whatever happened."""

from collections.abc import Iterable

from chaos_callers import Heard
from chaos_product import Product

TRIAL_NANO = 40 * 10**9


def check_bills(product: Product, heard: Iterable[Heard]) -> None:
    """Each bill a caller was told stands in the ledger, and in the transfers, with just that amount."""
    records, charges = product.records(), product.charges()
    for call in heard:
        if call.cost_nano is not None:
            outcome, charged, _ = records[call.request_id]
            assert (outcome, charged) == ("success", call.cost_nano), call
            assert charges.get(call.request_id, 0) == call.cost_nano, call


def check_cut_streams(product: Product, heard: Iterable[Heard]) -> int:
    """A stream that was cut is abandoned and free, unless its caller had the whole answer. How many were abandoned."""
    records, charges = product.records(), product.charges()
    abandoned = 0
    for call in heard:
        if call.request_id and call.cost_nano is None:
            outcome, charged, _ = records[call.request_id]
            if outcome == "success":  # booked; the bill itself was still on its way
                assert call.is_finished, call
                continue
            assert (outcome, charged) == ("abandoned", 0), call
            assert call.request_id not in charges
            abandoned += 1
    return abandoned


def check_balance(product: Product, username: str, *, credit_nano: int = TRIAL_NANO) -> None:
    """The wallet's counters are the credit less every transfer. One user alone calls in these tests."""
    assert product.available_nano(username) == credit_nano - sum(product.charges().values())
