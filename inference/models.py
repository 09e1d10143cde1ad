"""The playground's conversations, pictures and tryouts. What a call cost is in the ledger; the copy here is to show."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

START_WITHIN = timedelta(seconds=60)  # an answer nobody came for in that time is never made
SILENCE_MAX = timedelta(seconds=20)  # a running answer gives a sign of life every two seconds


def stream_id_make() -> str:
    return secrets.token_urlsafe(24)


class Conversation(models.Model):
    """A user's own; `choices` names the models the next prompt goes to, one column each."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    title = models.CharField(max_length=200)
    system_prompt = models.TextField(blank=True)
    parameters = models.JSONField(default=dict)  # as they go into the request's body
    choices = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (models.Index(fields=["user", "-updated_at"], name="conversations_of_a_user"),)

    def __str__(self) -> str:
        return self.title


class Turn(models.Model):
    """One prompt. `key` stands for the very form that was sent: sent again, it is the same turn."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField()
    key = models.CharField(max_length=64, unique=True)
    prompt = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["conversation", "number"], name="turns_are_numbered"),)

    def __str__(self) -> str:
        return f"{self.conversation_id}/{self.number}"


class PromptPicture(models.Model):
    """A picture of its user's: a draft in the composer until it is sent, then its turn's, and gone with it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="prompt_pictures")
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, null=True, related_name="pictures")
    name = models.CharField(max_length=100)
    content_type = models.CharField(max_length=16)  # by what the content begins with, never as it was called
    size = models.PositiveIntegerField()  # bytes
    content = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class Answer(models.Model):
    """What one model said to a prompt. Made once, by whoever turns `new` into `running`."""

    class State(models.TextChoices):
        NEW = "new"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        STOPPED = "stopped"  # by its user, or because they left

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="answers")
    column = models.PositiveSmallIntegerField()
    model = models.CharField(max_length=200)
    stream_id = models.CharField(max_length=64, unique=True, default=stream_id_make)
    state = models.CharField(max_length=8, choices=State.choices, default=State.NEW)
    stop_wanted = models.BooleanField(default=False)
    content = models.TextField(blank=True)
    thinking = models.TextField(blank=True)
    thinking_tokens = models.PositiveIntegerField(default=0)
    thinking_ms = models.PositiveIntegerField(default=0)
    request_id = models.CharField(max_length=64, blank=True)
    prompt_tokens = models.BigIntegerField(default=0)
    completion_tokens = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(null=True)  # what was charged; none where nothing was booked
    first_byte_ms = models.IntegerField(null=True)
    duration_ms = models.IntegerField(null=True)
    error_code = models.CharField(max_length=32, blank=True)
    error_message = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    seen_at = models.DateTimeField(default=timezone.now)  # the last sign of life

    class Meta:
        constraints = (models.UniqueConstraint(fields=["turn", "column"], name="one_answer_a_column"),)

    def __str__(self) -> str:
        return f"{self.model}: {self.state}"

    @property
    def is_waiting(self) -> bool:
        """A stream may still be opened for it."""
        return self.state == self.State.NEW and timezone.now() - self.created_at < START_WITHIN

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING and timezone.now() - self.seen_at < SILENCE_MAX

    @property
    def is_open(self) -> bool:
        """Its end is still to come."""
        return self.is_waiting or self.is_running

    @property
    def shown_state(self) -> str:
        """As its reader sees it: what was never begun, or whose process died, will not come to an end by itself."""
        if self.state == self.State.NEW and not self.is_waiting:
            return self.State.STOPPED
        if self.state == self.State.RUNNING and not self.is_running:
            return self.State.FAILED
        return self.state

    @property
    def tokens_per_second(self) -> float | None:
        """Of the time after the first byte."""
        if not self.completion_tokens or self.duration_ms is None or self.first_byte_ms is None:
            return None
        return 1000 * self.completion_tokens / max(1, self.duration_ms - self.first_byte_ms)


class Tryout(models.Model):
    """One call of a model that does not chat. `key` stands for the very form that was sent, and is its claim."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tryouts")
    kind = models.CharField(max_length=16)
    model = models.CharField(max_length=200)
    key = models.CharField(max_length=64, unique=True)
    body = models.JSONField()  # of the call
    found = models.JSONField(default=dict)  # what the page shows of the reply
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    request_id = models.CharField(max_length=64, blank=True)
    prompt_tokens = models.BigIntegerField(default=0)
    cost_nano = models.BigIntegerField(null=True)  # what was charged; none where nothing was booked
    duration_ms = models.IntegerField(null=True)
    error_code = models.CharField(max_length=32, blank=True)
    error_message = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.model}: {self.state}"

    @property
    def is_open(self) -> bool:
        """Its end is still to come. Once its hold would be void, its process has died."""
        within = timedelta(seconds=settings.HOLD_DEADLINE_S)
        return self.state == self.State.RUNNING and timezone.now() - self.created_at < within
