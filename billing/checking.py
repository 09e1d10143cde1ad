"""Does the ledger hold? Every invariant, recomputed from the transfers alone.

Reads one consistent snapshot in pages, so it may run beside a working gateway and over any number of rows.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection
from django.db.models import Sum

from accounts.money import divide_half_up
from billing.chain import GENESIS, TransferRow, transfer_hash
from billing.models import Account, Hold, Transfer, UsageRecord, Writer
from billing.operations import EPOCH
from billing.rows import legs_parse, lines_parse

PAGE = 2000
FINDINGS_MAX = 100


@dataclass
class Totals:
    """What the transfers say an account's counters are."""

    credits: int = 0
    debits: int = 0
    pending: int = 0


@dataclass
class LedgerReport:
    transfers: int = 0
    requests: int = 0
    findings: list[str] = field(default_factory=list)

    def find(self, text: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(text)


def ledger_check() -> LedgerReport:
    """Checks chains, resolutions, counters and receipts; `findings` is empty when everything holds."""
    report = LedgerReport()
    with one_snapshot():
        totals: dict[int, Totals] = defaultdict(Totals)
        unresolved: dict[str, int] = defaultdict(int)
        for writer in Writer.objects.order_by("id"):
            check_chain(writer, totals, unresolved, report)
        check_strays(report)
        check_holds(unresolved, report)
        check_counters(totals, report)
        check_receipts(report)
    return report


@contextmanager
def one_snapshot() -> Iterator[None]:
    """A read transaction that blocks nobody (Django's own would take SQLite's write lock)."""
    if connection.in_atomic_block:
        yield
        return
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ" if connection.vendor == "postgresql" else "BEGIN DEFERRED"
    with connection.cursor() as cursor:
        cursor.execute(begin)
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def check_chain(writer: Writer, totals: dict[int, Totals], unresolved: dict[str, int], report: LedgerReport) -> None:
    seq, head = 0, GENESIS
    for transfer in transfers_of(writer):
        seq += 1
        report.transfers += 1
        if transfer.seq != seq:
            report.find(f"writer {writer.pk}: transfer {transfer.seq} stands where {seq} belongs")
            seq = transfer.seq
        if bytes(transfer.previous_hash) != head:
            report.find(f"{transfer.id}: does not follow its predecessor")
        if bytes(transfer.hash) != transfer_hash(hashed_row(transfer)):
            report.find(f"{transfer.id}: was changed after it was written")
        head = bytes(transfer.hash)
        add_up(transfer, totals, unresolved)
    if (seq, head) != (writer.last_seq, bytes(writer.last_hash)):
        report.find(f"writer {writer.pk}: its chain ends at {seq}, its row says {writer.last_seq}")


def transfers_of(writer: Writer) -> Iterator[Transfer]:
    seq = -(2**63)
    while page := list(Transfer.objects.filter(writer=writer, seq__gt=seq).order_by("seq")[:PAGE]):
        yield from page
        seq = page[-1].seq


def hashed_row(transfer: Transfer) -> TransferRow:
    return TransferRow(
        transfer.id, transfer.kind, transfer.debit_id, transfer.credit_id, transfer.amount_nano,
        transfer.pending_id, transfer.reason, (transfer.created_at - EPOCH) // timedelta(microseconds=1),
        transfer.writer_id, transfer.seq, bytes(transfer.previous_hash),
    )  # fmt: skip


def add_up(transfer: Transfer, totals: dict[int, Totals], unresolved: dict[str, int]) -> None:
    amount, debit = transfer.amount_nano, totals[transfer.debit_id]
    match transfer.kind:
        case "pending":
            debit.pending += amount
            resolve(unresolved, transfer.id, amount)
        case "post" | "void":
            debit.pending -= amount
            resolve(unresolved, transfer.pending_id or "", -amount)
    if transfer.kind in {"post", "direct"}:
        debit.debits += amount
        totals[transfer.credit_id].credits += amount


def resolve(unresolved: dict[str, int], pending_id: str, amount_nano: int) -> None:
    """What is left of a pending transfer; it may be met after its resolution, which another writer wrote."""
    unresolved[pending_id] += amount_nano
    if not unresolved[pending_id]:
        del unresolved[pending_id]


STRAYS = {
    "its writer does not exist": "SELECT t.id FROM billing_transfer t"
    " LEFT JOIN billing_writer w ON w.id = t.writer_id WHERE w.id IS NULL",
    "resolves a pending transfer that is not its own": "SELECT r.id FROM billing_transfer r"
    " LEFT JOIN billing_transfer p ON p.id = r.pending_id WHERE r.pending_id IS NOT NULL"
    " AND (p.id IS NULL OR p.kind <> 'pending' OR p.debit_id <> r.debit_id OR p.credit_id <> r.credit_id)",
    # The request's id is what stands before /hold/1.
    "its request has neither an open hold nor a usage record": "SELECT t.id FROM billing_transfer t"
    " LEFT JOIN billing_hold h ON h.request_id = substr(t.id, 1, length(t.id) - 7)"
    " LEFT JOIN billing_usagerecord u ON u.request_id = substr(t.id, 1, length(t.id) - 7)"
    " WHERE t.kind = 'pending' AND t.id LIKE '%/hold/1' AND h.request_id IS NULL AND u.request_id IS NULL",
}


def check_strays(report: LedgerReport) -> None:
    """Transfers that stand alone where they belong to another row."""
    if (count := Transfer.objects.count()) != report.transfers:
        report.find(f"{count} transfers, but {report.transfers} stand in the writers' chains")
    with connection.cursor() as cursor:
        for problem, query in STRAYS.items():
            cursor.execute(f"{query} LIMIT {FINDINGS_MAX}")
            for (transfer_id,) in cursor.fetchall():
                report.find(f"{transfer_id}: {problem}")


def check_holds(unresolved: dict[str, int], report: LedgerReport) -> None:
    """Every pending transfer is resolved in full, or is a leg of an open hold."""
    for hold in Hold.objects.all():
        for leg in legs_parse(hold.legs):
            if unresolved.pop(f"{hold.request_id}/hold/{leg.number}", 0) != leg.amount_nano:
                report.find(f"{hold.request_id}: open hold's leg {leg.number} has no such pending transfer")
    for pending_id, amount in unresolved.items():
        report.find(f"{pending_id}: {amount} nano-yuan neither settled nor released, and no open hold")


def check_counters(totals: dict[int, Totals], report: LedgerReport) -> None:
    for account in Account.objects.exclude(workspace=None):
        said = Totals(account.credits_nano, account.debits_nano, account.pending_nano)
        summed = totals[account.pk]
        if said != summed:
            report.find(f"account {account.pk} ({account}): counters {said}, transfers {summed}")
        if account.available_nano < 0:
            report.find(f"account {account.pk} ({account}) is overdrawn by {-account.available_nano}")


# --- receipts --------------------------------------------------------------------------------------
def check_receipts(report: LedgerReport) -> None:
    after = ""
    while page := list(UsageRecord.objects.filter(request_id__gt=after).order_by("request_id")[:PAGE]):
        report.requests += len(page)
        amounts = amounts_of(page)
        for record in page:
            check_lines(record, report)
            check_charge(record, amounts, report)
        after = page[-1].request_id
    check_nothing_unreceipted(report)


def check_lines(record: UsageRecord, report: LedgerReport) -> None:
    lines = lines_parse(record.lines)
    counted = {
        "input": record.prompt_tokens,
        "output": record.completion_tokens,
        "page": record.pages,
        "call": 1,
    }
    for line in lines:
        if line.quantity != counted.get(line.item):
            report.find(f"{record.request_id}: line {line.item} has another quantity than its usage")
        if line.amount_nano != divide_half_up(line.quantity * line.price_nano, line.per):
            report.find(f"{record.request_id}: line {line.item} does not multiply")
    if sum(line.amount_nano for line in lines) != record.cost_nano:
        report.find(f"{record.request_id}: its lines do not sum to its cost")


def check_charge(record: UsageRecord, amounts: dict[str, int], report: LedgerReport) -> None:
    request = record.request_id
    posted = sum(amounts.get(key, 0) for key in charge_ids(record))
    uncollected = amounts.get(f"{request}/uncollected", 0)
    if posted != record.trial_nano + record.paid_nano or uncollected != record.uncollected_nano:
        report.find(f"{request}: charged {posted}, uncollected {uncollected}; its record says otherwise")
    if posted + uncollected != record.cost_nano:
        report.find(f"{request}: cost {record.cost_nano}, but {posted + uncollected} was booked")


def charge_ids(record: UsageRecord) -> list[str]:
    posts = [f"{record.request_id}/post/{number}" for number in range(1, record.leg_count + 1)]
    return [*posts, f"{record.request_id}/over/trial", f"{record.request_id}/over/paid"]


def amounts_of(records: list[UsageRecord]) -> dict[str, int]:
    """Amounts by id of the transfers that these requests may have; in pages SQLite's variables allow."""
    ids = [key for record in records for key in (*charge_ids(record), f"{record.request_id}/uncollected")]
    amounts: dict[str, int] = {}
    for start in range(0, len(ids), 500):
        found = Transfer.objects.filter(id__in=ids[start : start + 500])
        amounts.update(found.values_list("id", "amount_nano"))
    return amounts


def check_nothing_unreceipted(report: LedgerReport) -> None:
    """What wallets paid to revenue is what the usage records say was charged, workspace by workspace."""
    paid = Transfer.objects.filter(kind__in=("post", "direct"), credit__kind="revenue", debit__workspace__isnull=False)
    booked = dict(paid.values_list("debit__workspace").annotate(Sum("amount_nano")).order_by())
    records = UsageRecord.objects.filter(workspace__isnull=False).values_list("workspace").order_by()
    recorded = {
        workspace: trial + paid
        for workspace, trial, paid in records.annotate(Sum("trial_nano"), Sum("paid_nano"))
        if trial + paid
    }
    for workspace in booked.keys() | recorded.keys():
        was, said = booked.get(workspace, 0), recorded.get(workspace, 0)
        if was != said:
            report.find(f"workspace {workspace}: paid {was}, its receipts say {said}")
