"""The ledger: accounts, immutable transfers, open holds, and one usage record per request.

Rows are written by `billing.ledger` alone. `docs/billing.md` explains the model with worked numbers.
"""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Workspace
from accounts.money import MAX_NANO


class Account(models.Model):
    """A wallet of a workspace, which carries counters, or an account of the platform, which carries none:
    a shared counter would queue every process behind one row."""

    class Kind(models.TextChoices):
        TRIAL = "trial"
        PAID = "paid"
        REVENUE = "revenue"
        PROMOTION = "promotion"
        LOSS = "loss"
        PROBES = "probes"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.PROTECT, related_name="accounts")
    credits_nano = models.BigIntegerField(default=0)
    debits_nano = models.BigIntegerField(default=0)
    pending_nano = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="wallet_is_never_overdrawn",
                condition=Q(credits_nano__gte=F("debits_nano") + F("pending_nano")),
            ),
            models.CheckConstraint(
                name="wallet_counters_are_not_negative",
                condition=Q(credits_nano__gte=0, debits_nano__gte=0, pending_nano__gte=0),
            ),
            # Past 64 bits SQLite would go on in floating point. Debits and holds stay below credits.
            models.CheckConstraint(name="wallet_counters_stay_integers", condition=Q(credits_nano__lte=MAX_NANO)),
            models.CheckConstraint(
                name="only_wallets_belong_to_a_workspace",
                condition=Q(kind__in=("trial", "paid"), workspace__isnull=False)
                | Q(~Q(kind__in=("trial", "paid")), workspace__isnull=True),
            ),
            models.UniqueConstraint(fields=["workspace", "kind"], name="one_wallet_of_a_kind"),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(workspace=None), name="one_platform_account_of_a_kind"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.workspace_id or 'the platform'}"

    @property
    def available_nano(self) -> int:
        return self.credits_nano - self.debits_nano - self.pending_nano


class Writer(models.Model):
    """Who writes transfers: a clerk's incarnation, or the console for grants. Anchors its hash chain."""

    class Kind(models.TextChoices):
        CLERK = "clerk"
        CONSOLE = "console"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    label = models.CharField(max_length=200)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    last_seq = models.BigIntegerField(default=0)
    last_hash = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


class Transfer(models.Model):
    """Money moving from `debit` to `credit`. Never changed, never deleted: the database refuses both.

    `id` is the idempotency key. A pending transfer reserves; a post books a part of it, a void gives the
    rest back; a direct transfer books at once. `hash` covers every other column and the predecessor's hash.
    """

    class Kind(models.TextChoices):
        PENDING = "pending"
        POST = "post"
        VOID = "void"
        DIRECT = "direct"

    id = models.CharField(primary_key=True, max_length=100)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    debit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    credit = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    amount_nano = models.BigIntegerField()
    pending = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    writer = models.ForeignKey(Writer, on_delete=models.PROTECT, related_name="+", db_index=False)
    seq = models.BigIntegerField()
    previous_hash = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        constraints = (
            models.CheckConstraint(name="transfers_move_something", condition=Q(amount_nano__gt=0)),
            models.UniqueConstraint(fields=["writer", "seq"], name="one_transfer_per_writer_and_seq"),
            models.UniqueConstraint(
                fields=["pending", "kind"],
                condition=Q(pending__isnull=False),
                name="a_hold_posts_once_and_voids_once",
            ),
            models.CheckConstraint(
                name="only_posts_and_voids_resolve_a_pending",
                condition=Q(kind__in=("post", "void"), pending__isnull=False)
                | Q(kind__in=("pending", "direct"), pending__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.id}: {self.kind} {self.amount_nano}"


class Hold(models.Model):
    """An open hold. The row goes when the hold is resolved; who deletes it has the right to resolve it."""

    request_id = models.CharField(primary_key=True, max_length=64)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+", db_index=False)
    writer = models.ForeignKey(Writer, on_delete=models.PROTECT, related_name="+", db_index=False)
    deadline_at = models.DateTimeField()  # no index: the table holds open calls only, and each of them would pay for it
    legs = models.TextField()  # JSON [[number, wallet, amount_nano], …], each with a pending transfer
    context = models.TextField()  # JSON: what an abandoned request's usage record needs
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.request_id


class UsageRecord(models.Model):
    """One request that was let through to an upstream: what was used, at what price, and what it cost."""

    request_id = models.CharField(primary_key=True, max_length=64)
    workspace = models.ForeignKey(Workspace, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    api_key_id = models.BigIntegerField(null=True)
    model = models.CharField(max_length=200)
    operation = models.CharField(max_length=16)
    endpoint_id = models.BigIntegerField(null=True)
    outcome = models.CharField(max_length=16)  # success | client_closed | broken_off | failed | abandoned
    error_code = models.CharField(max_length=32)
    streamed = models.BooleanField()
    prompt_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    pages = models.BigIntegerField()
    usage_source = models.CharField(max_length=8)  # upstream | counted | partial | none
    price_version = models.BigIntegerField()
    lines = models.TextField()  # JSON [[item, quantity, price_nano, per, amount_nano], …]
    held_nano = models.BigIntegerField()
    cost_nano = models.BigIntegerField()  # what the lines sum to
    uncollected_nano = models.BigIntegerField()  # the part of the cost the platform lost
    trial_nano = models.BigIntegerField()  # charged to the trial wallet
    paid_nano = models.BigIntegerField()  # charged to the paid wallet
    balance_nano = models.BigIntegerField()  # available after the settlement
    leg_count = models.IntegerField()  # names the transfers: see billing.checking.charge_ids
    first_byte_ms = models.IntegerField(null=True)
    duration_ms = models.IntegerField()
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["workspace", "created_at"], name="usage_of_a_workspace"),)

    def __str__(self) -> str:
        return f"{self.request_id} {self.outcome}"

    @property
    def charged_nano(self) -> int:
        return self.cost_nano - self.uncollected_nano


class LedgerCheck(models.Model):
    """One run of the ledger's check and what it found; without an end while it runs, and if its process died."""

    # The hour of a scheduled run: whoever inserts it runs the check, everybody else leaves it alone.
    hour = models.BigIntegerField(null=True, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(default=timezone.now)  # while it runs
    finished_at = models.DateTimeField(null=True)
    transfers = models.BigIntegerField(default=0)
    requests = models.BigIntegerField(default=0)
    findings = models.JSONField(default=list)  # sentences, at most billing.checking.FINDINGS_MAX

    def __str__(self) -> str:
        return f"{self.started_at}: {len(self.findings)} findings"

    @property
    def duration_ms(self) -> int:
        """0 for a run without an end."""
        return (self.finished_at - self.started_at) // timedelta(milliseconds=1) if self.finished_at else 0


class FirstToken(models.Model):
    """How soon a model began to answer, measured over the last day's calls; a model without any has no row."""

    model = models.CharField(max_length=200, unique=True)
    p50_ms = models.IntegerField()
    calls = models.IntegerField()
    measured_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.model}: {self.p50_ms} ms"
