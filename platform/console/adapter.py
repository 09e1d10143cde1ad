"""django-allauth's hooks: who may sign up, and what a new user gets."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from accounts.models import User
from accounts.services import audit, workspace_create
from billing.services import wallets_open


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """A user never exists without a workspace, and no workspace without its wallets and trial credit."""
        user = super().save_user(request, user, form, commit=commit)
        wallets_open(workspace=workspace_create(owner=user))
        audit(actor=user.username, verb="user.signup", object=user.username)
        return user
