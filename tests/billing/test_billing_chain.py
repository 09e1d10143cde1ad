from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from billing_booking import TENTH_NANO, MakeWorkspace, place, settle
from hypothesis import assume, given
from hypothesis import strategies as st

from billing.chain import GENESIS, TransferRow, transfer_hash
from billing.checking import hashed_row
from billing.models import Transfer, Writer
from billing.operations import EPOCH

ids = st.text(max_size=12)
numbers = st.integers(-(2**63), 2**63 - 1)
columns: dict[str, st.SearchStrategy[Any]] = {
    "id": ids,
    "kind": st.sampled_from(["pending", "post", "void", "direct"]),
    "debit_id": numbers,
    "credit_id": numbers,
    "amount_nano": numbers,
    "pending_id": st.one_of(st.none(), ids),
    "reason": ids,
    "created_us": numbers,
    "writer_id": numbers,
    "seq": numbers,
    "previous_hash": st.binary(min_size=32, max_size=32),
}
rows = st.builds(TransferRow, **columns)


@given(rows, st.data(), st.sampled_from(sorted(columns)))
def test_a_change_of_any_single_column_changes_the_hash(row: TransferRow, data: st.DataObject, column: str) -> None:
    value = data.draw(columns[column])
    assume(value != getattr(row, column))
    assert transfer_hash(row._replace(**{column: value})) != transfer_hash(row)


@given(rows, rows)
def test_only_equal_rows_have_equal_hashes(one: TransferRow, other: TransferRow) -> None:
    assert (one == other) == (transfer_hash(one) == transfer_hash(other))


def test_text_cannot_move_from_one_column_into_the_next() -> None:
    row = TransferRow("a", "direct", 1, 2, 3, None, "b|1:c", 4, 5, 6, GENESIS)
    assert transfer_hash(row) != transfer_hash(row._replace(id="a|1:b", reason="c"))
    assert transfer_hash(row) != transfer_hash(row._replace(pending_id=""))


def test_each_transfer_follows_its_predecessor_and_the_writer_keeps_the_head(
    make_workspace: MakeWorkspace, writer: int
) -> None:
    hold = place(make_workspace(trial_nano=TENTH_NANO), writer)
    settle(hold, writer, prompt=1000)
    head = GENESIS
    chain = list(Transfer.objects.filter(writer=writer).order_by("seq"))
    for seq, transfer in enumerate(chain, start=1):
        assert (transfer.seq, bytes(transfer.previous_hash)) == (seq, head)
        head = bytes(transfer.hash)
    kept = Writer.objects.get(pk=writer)
    assert (kept.last_seq, bytes(kept.last_hash)) == (3, head)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 2, 3, 4, 5, 0, UTC),
        datetime(2026, 1, 2, 3, 4, 5, 1, UTC),
        datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC),
        datetime(2026, 6, 1, 7, 0, 0, 120_000, timezone(timedelta(hours=8))),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
    ],
)
def test_a_hash_survives_the_way_through_the_database(
    make_workspace: MakeWorkspace, writer: int, monkeypatch: pytest.MonkeyPatch, moment: datetime
) -> None:
    workspace = make_workspace(trial_nano=TENTH_NANO)
    with monkeypatch.context() as patch:
        patch.setattr("billing.ledger.time.time_ns", lambda: (moment - EPOCH) // timedelta(microseconds=1) * 1000)
        hold = place(workspace, writer)
    settle(hold, writer)
    transfer = Transfer.objects.get(pk=f"{hold.context.request_id}/hold/1")
    assert transfer.created_at == moment
    assert transfer_hash(hashed_row(transfer)) == bytes(transfer.hash)
