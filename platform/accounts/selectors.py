"""Reads. What belongs to a user is fetched through a function that takes the user."""

from django.db.models import F, Q, QuerySet

from accounts.models import ApiKey, Membership, User, Workspace


def workspace_personal(*, user: User) -> Workspace:
    """The workspace a user owns (the oldest, should there be more)."""
    return Workspace.objects.filter(memberships__user=user, memberships__role=Membership.Role.OWNER).earliest("id")


def api_keys_visible(*, user: User) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(workspace__memberships__user=user).order_by("-id")


def api_keys_of(*, user: User, workspace: Workspace) -> QuerySet[ApiKey]:
    """The keys of one of the user's workspaces: those in use first, then the revoked, newest first."""
    in_use_first = F("revoked_at").desc(nulls_first=True)
    return api_keys_visible(user=user).filter(workspace=workspace).order_by(in_use_first, "-id")


def api_key_revocable(*, user: User, workspace: Workspace, key_id: int) -> ApiKey:
    """A key the user may revoke: one they made, or any of a workspace they own. Raises ApiKey.DoesNotExist."""
    owned = Q(workspace__memberships__role=Membership.Role.OWNER) | Q(user=user)
    return ApiKey.objects.filter(owned, workspace=workspace, workspace__memberships__user=user).get(pk=key_id)
