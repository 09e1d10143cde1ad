"""The hash chain over a writer's transfers. Pure.

Each transfer's hash covers all its columns and its predecessor's hash, so a changed, removed, inserted or
reordered row breaks the chain; the writer's row keeps the head, so a cut tail shows as well.
"""

import hashlib
from typing import NamedTuple

GENESIS = bytes(32)


class TransferRow(NamedTuple):
    """The columns of `billing_transfer`, in the order in which they are written and hashed."""

    id: str
    kind: str
    debit_id: int
    credit_id: int
    amount_nano: int
    pending_id: str | None
    reason: str
    created_us: int  # microseconds since 1970 UTC; the database keeps a timestamp of the same precision
    writer_id: int
    seq: int
    previous_hash: bytes


def transfer_hash(row: TransferRow) -> bytes:
    """Lengths stand before the free texts, so no two rows share one text."""
    pending = "-" if row.pending_id is None else f"{len(row.pending_id)}:{row.pending_id}"
    text = (
        f"{row.writer_id}|{row.seq}|{row.kind}|{row.debit_id}|{row.credit_id}|{row.amount_nano}|{row.created_us}"
        f"|{len(row.id)}:{row.id}|{pending}|{len(row.reason)}:{row.reason}|"
    )
    return hashlib.sha256(row.previous_hash + text.encode()).digest()
