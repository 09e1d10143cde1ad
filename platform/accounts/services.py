"""Writes: users, keys and the audit trail."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.keys import key_make
from accounts.models import ApiKey, AuditEvent, Membership, User, Workspace
from accounts.revision import revision_bump

PREFIX_LENGTH_MIN = 6  # of a key that is to be revoked: "sk-" alone would be whichever there is


class AccountError(Exception):
    """A request that cannot be met; the message says why and what to do."""


@dataclass(frozen=True)
class IssuedKey:
    key: ApiKey
    secret: str  # shown once, kept nowhere


def audit(*, actor: str, verb: str, object: str, **details: Any) -> None:  # noqa: A002 - the field's name
    AuditEvent.objects.create(actor=actor, verb=verb, object=object, details=details)


def audit_many(*, actor: str, verb: str, objects: Iterable[str]) -> None:
    AuditEvent.objects.bulk_create(AuditEvent(actor=actor, verb=verb, object=one) for one in objects)


@transaction.atomic
def user_create(*, username: str, password: str, is_admin: bool = False) -> User:
    username_check(username)
    user = User.objects.create_user(username=username, password=password, is_staff=is_admin)
    workspace_create(owner=user)
    audit(actor=username, verb="user.create", object=username, is_admin=is_admin)
    return user


@transaction.atomic
def user_activity_set(*, user: User, is_active: bool, actor: str) -> bool:
    """Lets a user in, or shuts them out: their keys are refused within a second. False when it was so before."""
    changed = User.objects.filter(pk=user.pk, is_active=not is_active).update(is_active=is_active)
    if changed:
        ApiKey.objects.filter(user=user).update(revision=revision_bump())  # what the gateways look for
        audit(actor=actor, verb="user.activate" if is_active else "user.deactivate", object=user.username)
    return bool(changed)


def username_check(username: str) -> None:
    """Raises AccountError for what nobody could sign up with."""
    try:
        User._meta.get_field("username").clean(username, None)
    except ValidationError as error:
        rule = "1 to 150 letters, digits and @ . + - _, and nothing else"
        raise AccountError(f"{username!r} is no username: give it {rule}") from error
    if User.objects.filter(username__iexact=username).exists():
        raise AccountError(f"the username {username!r} is taken")


@transaction.atomic
def workspace_create(*, owner: User) -> Workspace:
    workspace = Workspace.objects.create(name=owner.username)
    Membership.objects.create(user=owner, workspace=workspace, role=Membership.Role.OWNER)
    return workspace


@transaction.atomic
def workspace_rename(*, workspace: Workspace, name: str, actor: str) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(name=name)
    audit(actor=actor, verb="workspace.rename", object=str(workspace.pk), old=workspace.name, new=name)


@transaction.atomic
def api_key_create(*, user: User, workspace: Workspace, name: str, scope: str) -> IssuedKey:
    """A new key; its secret is in the answer and nowhere else."""
    if scope not in ApiKey.Scope.values:
        raise AccountError(f"scope must be one of {', '.join(ApiKey.Scope.values)}, not {scope!r}")
    if not name.strip() or len(name) > ApiKey.NAME_MAX:
        raise AccountError(f"name must be a label of 1 to {ApiKey.NAME_MAX} characters")
    made = key_make()
    key = ApiKey.objects.create(
        workspace=workspace,
        user=user,
        name=name,
        prefix=made.prefix,
        digest=made.digest,
        scope=scope,
        revision=revision_bump(),
    )
    audit(actor=user.username, verb="api_key.create", object=made.prefix, name=name, scope=scope)
    return IssuedKey(key, made.secret)


@transaction.atomic
def api_key_revoke(*, key: ApiKey, actor: str) -> bool:
    """False when it was revoked before."""
    changed = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
        revoked_at=timezone.now(), revision=revision_bump()
    )
    if changed:
        audit(actor=actor, verb="api_key.revoke", object=key.prefix)
    return bool(changed)


def api_key_by_prefix(*, prefix: str) -> ApiKey:
    """The one key whose prefix is, or begins with, `prefix` (the whole secret may be pasted too)."""
    if len(prefix) < PREFIX_LENGTH_MIN:
        raise AccountError(f"{prefix!r} is too short to name a key; give the prefix as the key list shows it")
    keys = list(ApiKey.objects.filter(prefix__startswith=prefix[:11])[:2])
    if len(keys) != 1:
        found = "no key begins" if not keys else "several keys begin"
        raise AccountError(f"{found} with {prefix[:11]!r}; give the prefix as the key list shows it")
    return keys[0]
