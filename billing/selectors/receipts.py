"""The receipt of one call: its lines, its transfers, and whether the ledger agrees."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from accounts.models import Workspace
from billing.chain import transfer_hash
from billing.checking import LedgerReport, charge_ids, check_charge, check_lines, hashed_row
from billing.models import Transfer, UsageRecord
from billing.pricing import Line
from billing.rows import lines_parse

HOLD, SETTLE, RELEASE, UNCOLLECTED = "hold", "settle", "release", "uncollected"
STEPS = {"hold": HOLD, "post": SETTLE, "void": RELEASE, "over": SETTLE, "uncollected": UNCOLLECTED}
ORDER = (HOLD, SETTLE, RELEASE, UNCOLLECTED)
IDS_PER_QUERY = 900  # of SQLite's 999 variables; a hundred calls have 700


class Step(NamedTuple):
    """A transfer of a call, in the reader's words."""

    step: str  # hold | settle | release | uncollected
    wallet: str  # trial | paid | loss
    amount_nano: int
    transfer_id: str
    created_at: datetime
    is_above_hold: bool


@dataclass(frozen=True)
class Receipt:
    """`findings` says where the ledger disagrees; it is empty when everything was recomputed and agrees."""

    record: UsageRecord
    lines: list[Line]
    steps: list[Step]
    findings: list[str]

    @property
    def settled_nano(self) -> int:
        return sum(step.amount_nano for step in self.steps if step.step == SETTLE)

    @property
    def released_nano(self) -> int:
        return sum(step.amount_nano for step in self.steps if step.step == RELEASE)

    @property
    def before_nano(self) -> int:
        return self.record.balance_nano + self.record.charged_nano

    @property
    def wallets(self) -> list[str]:
        """Those that paid."""
        paid = (("trial", self.record.trial_nano), ("paid", self.record.paid_nano))
        return [wallet for wallet, amount in paid if amount]

    @property
    def agrees(self) -> bool:
        return not self.findings


def receipt_of(*, workspace: Workspace, request_id: str) -> Receipt | None:
    """None where the workspace has no such call: whose it is otherwise is not told."""
    record = UsageRecord.objects.filter(workspace=workspace, request_id=request_id).first()
    if record is None:
        return None
    transfers = transfers_of(records=[record])
    steps = sorted((step_of(record, transfer) for transfer in transfers), key=in_order)
    return Receipt(record, lines_parse(record.lines), steps, findings_of(record, transfers))


def in_order(step: Step) -> tuple[datetime, int, str]:
    return step.created_at, ORDER.index(step.step), step.transfer_id


def transfers_of(*, records: Sequence[UsageRecord]) -> list[Transfer]:
    """All transfers of some calls, found by their ids; in the order in which they were written."""
    ids = [key for record in records for key in ids_of(record)]
    found: list[Transfer] = []
    for start in range(0, len(ids), IDS_PER_QUERY):
        rows = Transfer.objects.filter(id__in=ids[start : start + IDS_PER_QUERY])
        found += rows.select_related("debit", "credit")
    return sorted(found, key=lambda transfer: (transfer.created_at, transfer.writer_id, transfer.seq))


def ids_of(record: UsageRecord) -> list[str]:
    legs = range(1, record.leg_count + 1)
    holds = [f"{record.request_id}/{kind}/{number}" for number in legs for kind in ("hold", "void")]
    return [*holds, *charge_ids(record), f"{record.request_id}/uncollected"]


def step_of(record: UsageRecord, transfer: Transfer) -> Step:
    word = transfer.id.removeprefix(f"{record.request_id}/").partition("/")[0]
    return Step(
        STEPS[word], transfer.debit.kind, transfer.amount_nano, transfer.id, transfer.created_at, word == "over"
    )


# --- does the ledger agree? ------------------------------------------------------------------------
def findings_of(record: UsageRecord, transfers: Sequence[Transfer]) -> list[str]:
    """What `ledger_check` asks of a call, asked of this one: lines, charge, wallets, legs, hashes."""
    report = LedgerReport()
    amounts = {transfer.id: transfer.amount_nano for transfer in transfers}
    check_lines(record, report)
    check_charge(record, amounts, report)
    check_wallets(record, transfers, report)
    check_legs(record, amounts, report)
    for transfer in transfers:
        if bytes(transfer.hash) != transfer_hash(hashed_row(transfer)):
            report.find(f"{transfer.id}: was changed after it was written")
    return report.findings


def check_wallets(record: UsageRecord, transfers: Sequence[Transfer], report: LedgerReport) -> None:
    for wallet, said in (("trial", record.trial_nano), ("paid", record.paid_nano)):
        posted = sum(
            transfer.amount_nano
            for transfer in transfers
            if transfer.kind in {"post", "direct"}
            and transfer.debit.kind == wallet
            and transfer.debit.workspace_id == record.workspace_id
        )
        if posted != said:
            report.find(f"{record.request_id}: {posted} came from the {wallet} wallet, its record says {said}")


def check_legs(record: UsageRecord, amounts: dict[str, int], report: LedgerReport) -> None:
    request, held = record.request_id, 0
    for number in range(1, record.leg_count + 1):
        reserved = amounts.get(f"{request}/hold/{number}", 0)
        resolved = amounts.get(f"{request}/post/{number}", 0) + amounts.get(f"{request}/void/{number}", 0)
        held += reserved
        if reserved != resolved:
            report.find(f"{request}: leg {number} reserved {reserved} and resolved {resolved}")
    if held != record.held_nano:
        report.find(f"{request}: {held} was reserved, its record says {record.held_nano}")
