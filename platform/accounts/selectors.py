"""Reads. What belongs to a user is fetched through a function that takes the user."""

from django.db.models import QuerySet

from accounts.models import ApiKey, Membership, User, Workspace


def workspace_personal(*, user: User) -> Workspace:
    """The workspace a user owns (the oldest, should there be more)."""
    return Workspace.objects.filter(memberships__user=user, memberships__role=Membership.Role.OWNER).earliest("id")


def api_keys_visible(*, user: User) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(workspace__memberships__user=user).order_by("-id")
