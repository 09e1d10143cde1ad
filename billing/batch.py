"""The one place that writes the ledger: a batch of operations becomes the rows of one transaction.

`Batch` reads the wallets under lock, decides the operations in order in memory, and writes all at once. It
neither begins nor commits: `billing.ledger.book` does.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from billing.chain import TransferRow, transfer_hash
from billing.database import Database, Statement
from billing.models import Hold, Transfer, UsageRecord
from billing.operations import (
    AbandonedHold,
    CallContext,
    ExtendHold,
    Grant,
    HoldGone,
    InsufficientBalance,
    LedgerError,
    Leg,
    OpenHold,
    Operation,
    Outcome,
    PlaceHold,
    Settle,
    Settlement,
)
from billing.pricing import Usage, total_nano
from billing.rows import (
    ACCOUNT_UPDATE,
    HOLD_UPDATE,
    WRITER_UPDATE,
    UsageRow,
    context_json,
    legs_json,
    legs_parse,
    lines_json,
)

WALLETS = ("trial", "paid")  # trial is spent first


def check_whole(amount_nano: int) -> int:
    """The amount again. A float would be hashed as one and stored as another. Raises LedgerError."""
    if type(amount_nano) is not int:
        raise LedgerError(f"an amount must be a whole number of nano-yuan, not {amount_nano!r}")
    return amount_nano


class Wallet:
    """A wallet's state inside one batch, with the changes to be written."""

    __slots__ = ("account_id", "available_nano", "credits", "debits", "pending")

    def __init__(self, account_id: int, available_nano: int) -> None:
        self.account_id = account_id
        self.available_nano = available_nano
        self.credits = self.debits = self.pending = 0

    def reserve(self, amount_nano: int) -> None:
        self.pending += amount_nano
        self.available_nano -= amount_nano

    def resolve(self, reserved_nano: int, posted_nano: int) -> None:
        self.pending -= reserved_nano
        self.debits += posted_nano
        self.available_nano += reserved_nano - posted_nano

    def debit(self, amount_nano: int) -> None:
        self.debits += amount_nano
        self.available_nano -= amount_nano

    def credit(self, amount_nano: int) -> None:
        self.credits += amount_nano
        self.available_nano += amount_nano


class Batch:
    """`platform` maps a platform account's kind to its id; holds placed here expire after `hold_deadline_s`."""

    def __init__(
        self, database: Database, *, writer_id: int, platform: Mapping[str, int], now_us: int, hold_deadline_s: float
    ) -> None:
        self.database = database
        self.writer_id = writer_id
        self.platform = platform
        self.revenue_id = platform["revenue"]
        self.now_us = now_us
        self.now_column = database.time(now_us)
        self.deadline_column = database.time(now_us + round(hold_deadline_s * 1_000_000))
        self.wallets: dict[tuple[int, str], Wallet] = {}
        self.transfers: list[tuple[Any, ...]] = []
        self.holds: list[tuple[Any, ...]] = []
        self.extensions: dict[str, list[Leg]] = {}
        self.usage: list[UsageRow] = []
        self.seq, self.head = 0, b""

    # --- the whole way -------------------------------------------------------------------------
    def run(self, operations: Sequence[Operation]) -> list[Outcome]:
        """An outcome per operation, in order. Refusals are outcomes; a database error is raised."""
        claimed = self.read(operations)
        outcomes = [self.decide(operation, claimed) for operation in operations]
        self.write()
        return outcomes

    def decide(self, operation: Operation, claimed: dict[str, list[Leg]]) -> Outcome:
        try:
            match operation:
                case PlaceHold():
                    return self.place_hold(operation)
                case Settle():
                    return self.settle(operation, claimed)
                case ExtendHold():
                    return self.extend_hold(operation)
                case Grant():
                    self.grant(operation)
                case AbandonedHold():
                    self.abandon(operation, claimed)
        except LedgerError as refusal:
            return refusal
        return None

    # --- reading, under lock -------------------------------------------------------------------
    def read(self, operations: Sequence[Operation]) -> dict[str, list[Leg]]:
        """Locks the wallets and the chain's head; the legs of the holds that are ours to resolve."""
        workspace_ids = list({workspace_of(operation) for operation in operations})
        ours, ids = self.database.any_of("workspace_id", workspace_ids)
        lock = self.database.for_update
        questions = [
            (  # in id order, so that two processes never wait for each other
                "SELECT id, workspace_id, kind, credits_nano - debits_nano - pending_nano FROM billing_account"  # noqa: S608 - placeholders
                f" WHERE {ours} ORDER BY id {lock}",
                ids,
            ),
            (f"SELECT last_seq, last_hash FROM billing_writer WHERE id = %s {lock}", (self.writer_id,)),  # noqa: S608 - no input
        ]
        resolved = [operation.context.request_id for operation in operations if is_resolution(operation)]
        if resolved:
            questions.append(self.claim(resolved))
        wallets, [(self.seq, head)], *claimed = self.database.ask(*questions)
        self.head = bytes(head)
        self.wallets = {(row[1], row[2]): Wallet(row[0], row[3]) for row in wallets}
        return {request_id: legs_parse(legs) for request_id, legs in claimed[0]} if claimed else {}

    def claim(self, request_ids: Sequence[str]) -> Statement:
        """Deletes the rows of the holds to be resolved; those that come back are ours to resolve.

        Their legs count, not those the caller knows of: it may have left while an extension was on its way.
        """
        these, ids = self.database.any_of("request_id", request_ids)
        return f"DELETE FROM billing_hold WHERE {these} RETURNING request_id, legs", ids  # noqa: S608 - placeholders

    # --- deciding, in memory -------------------------------------------------------------------
    def place_hold(self, operation: PlaceHold) -> OpenHold:
        context, quote = operation.context, operation.quote
        available = self.available_nano(context.workspace_id)
        cap = quote.cap_within(available)
        if cap < 0:
            raise InsufficientBalance(quote.cost_nano(min(1, quote.cap_tokens)), available)
        legs = self.reserve(context, quote.cost_nano(cap), first_number=1)
        self.holds.append(self.hold_row(context, legs))
        return OpenHold(context, quote, legs, cap, self.available_nano(context.workspace_id))

    def extend_hold(self, operation: ExtendHold) -> OpenHold:
        hold, amount = operation.hold, operation.amount_nano
        context = hold.context
        available = self.available_nano(context.workspace_id)
        if amount > available:
            raise InsufficientBalance(amount, available)
        known = self.extensions.get(context.request_id) or self.legs_of(context.request_id)
        legs = [*known, *self.reserve(context, amount, first_number=len(known) + 1)]
        self.extensions[context.request_id] = legs
        return OpenHold(context, hold.quote, legs, hold.cap_tokens, self.available_nano(context.workspace_id))

    def settle(self, operation: Settle, claimed: dict[str, list[Leg]]) -> Settlement:
        context = operation.context
        cost = check_whole(total_nano(operation.lines))
        legs = claimed.pop(context.request_id, None)
        if legs is None:
            raise HoldGone(context.request_id)
        charged = self.post_legs(context, legs, cost)
        self.collect_rest(context, cost, charged)
        settlement = Settlement(
            cost, cost - charged["trial"] - charged["paid"], self.available_nano(context.workspace_id)
        )
        self.usage.append(self.usage_row(operation, legs, charged, settlement))
        return settlement

    def abandon(self, operation: AbandonedHold, claimed: dict[str, list[Leg]]) -> None:
        """Give everything back: whoever held it is gone."""
        context = operation.context
        legs = claimed.pop(context.request_id, None)
        if legs is None:
            raise HoldGone(context.request_id)
        charged = self.post_legs(context, legs, 0)
        balance = self.available_nano(context.workspace_id)
        settle = Settle(context, Usage(), [], "abandoned", "abandoned")
        self.usage.append(self.usage_row(settle, legs, charged, Settlement(0, 0, balance)))

    def grant(self, operation: Grant) -> None:
        wallet = self.wallet(operation.workspace_id, operation.wallet)
        self.transfer(
            operation.key, "direct", self.platform["promotion"], wallet.account_id, operation.amount_nano,
            reason=operation.reason,
        )  # fmt: skip
        wallet.credit(operation.amount_nano)

    # --- pieces of a decision ------------------------------------------------------------------
    def legs_of(self, request_id: str) -> list[Leg]:
        lock = self.database.for_update
        statement = f"SELECT legs FROM billing_hold WHERE request_id = %s {lock}"  # noqa: S608 - no input
        [rows] = self.database.ask((statement, (request_id,)))
        if not rows:
            raise HoldGone(request_id)
        return legs_parse(rows[0][0])

    def reserve(self, context: CallContext, amount_nano: int, first_number: int) -> list[Leg]:
        """Legs that reserve `amount_nano`, trial first. The caller has checked that it is available."""
        legs: list[Leg] = []
        check_whole(amount_nano)  # before the first leg: a refused operation leaves nothing behind
        for name in WALLETS:
            wallet = self.wallet(context.workspace_id, name)
            part = min(amount_nano, wallet.available_nano)
            if part > 0:
                leg = Leg(first_number + len(legs), name, part)
                self.transfer(
                    f"{context.request_id}/hold/{leg.number}", "pending", wallet.account_id,
                    self.revenue_id, part, reason="hold",
                )  # fmt: skip
                wallet.reserve(part)
                legs.append(leg)
                amount_nano -= part
        return legs

    def post_legs(self, context: CallContext, legs: Iterable[Leg], cost_nano: int) -> dict[str, int]:
        """Post each leg as far as the cost goes and void its rest; what was charged to each wallet."""
        charged = dict.fromkeys(WALLETS, 0)
        for leg in legs:
            wallet = self.wallet(context.workspace_id, leg.wallet)
            posted = min(leg.amount_nano, cost_nano)
            for kind, reason, part in (
                ("post", "settle", posted),
                ("void", "release", leg.amount_nano - posted),
            ):
                if part:
                    self.transfer(
                        f"{context.request_id}/{kind}/{leg.number}", kind, wallet.account_id,
                        self.revenue_id, part, reason=reason,
                        pending_id=f"{context.request_id}/hold/{leg.number}",
                    )  # fmt: skip
            wallet.resolve(leg.amount_nano, posted)
            charged[leg.wallet] += posted
            cost_nano -= posted
        return charged

    def collect_rest(self, context: CallContext, cost_nano: int, charged: dict[str, int]) -> None:
        """Cost above the hold: from what is available, trial first; then from the platform's loss account."""
        rest = cost_nano - sum(charged.values())
        for name in WALLETS:
            wallet = self.wallet(context.workspace_id, name)
            part = min(rest, wallet.available_nano)
            if part > 0:
                self.transfer(
                    f"{context.request_id}/over/{name}", "direct", wallet.account_id,
                    self.revenue_id, part, reason="settle above hold",
                )  # fmt: skip
                wallet.debit(part)
                charged[name] += part
                rest -= part
        if rest > 0:
            self.transfer(
                f"{context.request_id}/uncollected", "direct", self.platform["loss"],
                self.revenue_id, rest, reason="uncollected",
            )  # fmt: skip

    def transfer(
        self, key: str, kind: str, debit: int, credit: int, amount: int, *, reason: str,
        pending_id: str | None = None,
    ) -> None:  # fmt: skip
        check_whole(amount)
        self.seq += 1
        row = TransferRow(
            key,
            kind,
            debit,
            credit,
            amount,
            pending_id,
            reason,
            self.now_us,
            self.writer_id,
            self.seq,
            self.head,
        )
        self.head = transfer_hash(row)
        self.transfers.append((*row[:7], self.now_column, *row[8:], self.head))

    def wallet(self, workspace_id: int, name: str) -> Wallet:
        try:
            return self.wallets[workspace_id, name]
        except KeyError:
            raise LedgerError(f"workspace {workspace_id} has no {name} wallet") from None

    def available_nano(self, workspace_id: int) -> int:
        return self.wallet(workspace_id, "trial").available_nano + self.wallet(workspace_id, "paid").available_nano

    def hold_row(self, context: CallContext, legs: list[Leg]) -> tuple[Any, ...]:
        return (
            context.request_id, context.workspace_id, self.writer_id, self.deadline_column, legs_json(legs),
            context_json(context), self.now_column,
        )  # fmt: skip

    def usage_row(self, settle: Settle, legs: list[Leg], charged: dict[str, int], settlement: Settlement) -> UsageRow:
        usage, context = settle.usage, settle.context
        return UsageRow(
            request_id=context.request_id,
            workspace_id=context.workspace_id,
            api_key_id=context.api_key_id,
            model=context.model,
            operation=context.operation,
            endpoint_id=settle.endpoint_id,
            outcome=settle.outcome,
            error_code=settle.error_code,
            streamed=context.streamed,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            pages=usage.pages,
            usage_source=usage.source,
            price_version=context.price_version,
            lines=lines_json(settle.lines),
            held_nano=sum(leg.amount_nano for leg in legs),
            cost_nano=settlement.cost_nano,
            uncollected_nano=settlement.uncollected_nano,
            trial_nano=charged["trial"],
            paid_nano=charged["paid"],
            balance_nano=settlement.balance_nano,
            leg_count=len(legs),
            first_byte_ms=settle.first_byte_ms,
            duration_ms=settle.duration_ms,
            created_at=self.database.time(context.started_us),
            settled_at=self.now_column,
        )

    # --- writing -------------------------------------------------------------------------------
    def write(self) -> None:
        database = self.database
        database.insert(Transfer, self.transfers)
        database.insert(Hold, self.holds)
        database.insert(UsageRecord, self.usage)
        for request_id, legs in self.extensions.items():
            database.write(HOLD_UPDATE, (legs_json(legs), request_id))
        for wallet in self.wallets.values():
            if wallet.credits or wallet.debits or wallet.pending:
                database.write(ACCOUNT_UPDATE, (wallet.credits, wallet.debits, wallet.pending, wallet.account_id))
        if self.transfers:
            database.write(WRITER_UPDATE, (self.seq, self.head, self.writer_id))


def is_resolution(operation: Operation) -> TypeGuard[Settle | AbandonedHold]:
    """Of a hold. A settlement of no whole amount is none: its hold stays open."""
    if isinstance(operation, Settle):
        return type(total_nano(operation.lines)) is int
    return isinstance(operation, AbandonedHold)


def workspace_of(operation: Operation) -> int:
    return operation.workspace_id if isinstance(operation, Grant) else operation.context.workspace_id
