"""Who may do what: users, the workspaces that pay, and the API keys that call."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone


class User(AbstractUser):
    """A person who signs in. `is_staff` makes an admin of the console."""

    def __str__(self) -> str:
        return self.username


class Workspace(models.Model):
    """The unit that holds money, keys and usage. Each user has a personal one."""

    NAME_MAX = 150

    name = models.CharField(max_length=NAME_MAX)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    class Role(models.TextChoices):
        OWNER = "owner"
        MEMBER = "member"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["user", "workspace"], name="one_membership_each"),)

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id} as {self.role}"


class ApiKey(models.Model):
    """A caller's secret. Only its digest is kept; rows are revoked, never deleted."""

    NAME_MAX = 100

    class Scope(models.TextChoices):
        INFERENCE = "inference"
        MANAGEMENT = "management"  # includes inference

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="api_keys")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=NAME_MAX)
    prefix = models.CharField(max_length=16, db_index=True)
    digest = models.BinaryField(max_length=32, unique=True)
    scope = models.CharField(max_length=16, choices=Scope.choices, default=Scope.INFERENCE)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revision = models.BigIntegerField(db_index=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Revision(models.Model):
    """One row whose value moves with every change the gateway must notice (see `accounts.revision`)."""

    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="one_revision_row"),)

    def __str__(self) -> str:
        return str(self.value)


class AuditEvent(models.Model):
    """What a person or command did, by dotted verb: `api_key.revoke`, `model.enable`."""

    actor = models.CharField(max_length=150)
    verb = models.CharField(max_length=64)
    object = models.CharField(max_length=200)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)

    def __str__(self) -> str:
        return f"{self.actor} {self.verb} {self.object}"
