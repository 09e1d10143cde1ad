"""The registry: what is served, where it is answered, at what price, and how healthy it was seen to be."""

from collections.abc import Iterable

from django.db import models
from django.utils import timezone

from models_registry.secret import EncryptedTextField


class Model(models.Model):
    """A served model. `state` is the admin's wish on its way to the gateway; health is seen per endpoint."""

    class Kind(models.TextChoices):
        LLM = "llm", "LLM"
        EMBEDDING = "embedding", "Embedding"
        RERANK = "rerank", "Rerank"
        OCR = "ocr", "OCR"

    class State(models.TextChoices):
        DISABLED = "disabled"
        CHECKING = "checking"  # wanted, and being probed; never longer than CHECKING_LIMIT_S
        ENABLED = "enabled"

    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.DISABLED, db_index=True)
    state_reason = models.TextField(blank=True)  # why the last wish was not met
    checking_since = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)  # whoever holds the lease probes
    stream_only = models.BooleanField(default=False)
    context_length = models.PositiveIntegerField(null=True)
    max_output_tokens = models.PositiveIntegerField(null=True)
    rpm = models.PositiveIntegerField(null=True)
    tpm = models.PositiveIntegerField(null=True)
    concurrency = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revision = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """One version of a model's price; the newest is in force. Rows are added, never changed."""

    class Unit(models.TextChoices):
        PER_M_TOKENS = "per_m_tokens"
        PER_1K_TOKENS = "per_1k_tokens"  # one price for input and output
        PER_CALL = "per_call"
        PER_PAGE = "per_page"
        FREE = "free"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="prices")
    unit = models.CharField(max_length=16, choices=Unit.choices)
    input_nano = models.BigIntegerField(default=0)  # nano-yuan per million tokens
    output_nano = models.BigIntegerField(default=0)
    call_nano = models.BigIntegerField(default=0)
    page_nano = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                name="prices_are_not_negative",
                condition=models.Q(input_nano__gte=0, output_nano__gte=0, call_nano__gte=0, page_nano__gte=0),
            ),
        )

    def __str__(self) -> str:
        return f"price {self.pk} of {self.model_id}"


class Endpoint(models.Model):
    """Where a model is answered: one vendor's URL, key and name for it."""

    class Auth(models.TextChoices):
        BEARER = "bearer"
        RAW = "raw"  # the bare key in Authorization

    class Thinking(models.TextChoices):
        LEAVE = "leave"
        LIFT = "lift"

    class ParameterProfile(models.TextChoices):
        NONE = "none"
        QWEN = "qwen"

    class Health(models.TextChoices):
        UNKNOWN = "unknown"
        UP = "up"
        DOWN = "down"

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="endpoints")
    vendor = models.CharField(max_length=40)
    inference_url = models.CharField(max_length=2000)
    upstream_model = models.CharField(max_length=200)
    api_key = EncryptedTextField(blank=True)
    auth = models.CharField(max_length=8, choices=Auth.choices, default=Auth.BEARER)
    thinking = models.CharField(max_length=8, choices=Thinking.choices, default=Thinking.LEAVE)
    parameter_profile = models.CharField(max_length=8, choices=ParameterProfile.choices, default=ParameterProfile.NONE)
    ca_certificates = models.TextField(blank=True, default="")  # PEM; trusted beside the system's roots
    priority = models.IntegerField(default=0)
    weight = models.PositiveIntegerField(default=1)
    health = models.CharField(max_length=8, choices=Health.choices, default=Health.UNKNOWN)
    health_reason = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True)
    probe_due_at = models.DateTimeField(default=timezone.now)  # also the lease of whoever probes it

    class Meta:
        indexes = (models.Index(fields=["probe_due_at"], name="endpoints_due_for_a_probe"),)

    def __str__(self) -> str:
        return f"{self.upstream_model} at {self.inference_url}"


def health_of(endpoints: Iterable[str]) -> str:
    """Of a model, from its endpoints: one that answers keeps it in service, one that does not degrades it."""
    seen = set(endpoints)
    if Endpoint.Health.UP not in seen:
        return "down" if seen == {Endpoint.Health.DOWN} else "unknown"
    return "degraded" if Endpoint.Health.DOWN in seen else "up"


class HealthChange(models.Model):
    """An endpoint's health went from `old` to `new`, and why."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="health_changes")
    old = models.CharField(max_length=8)
    new = models.CharField(max_length=8)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"
