"""django-allauth's hooks: who may sign up, and what a new user gets."""

from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.services import audit, workspace_create
from billing.services import wallets_open

ERROR_MESSAGES = {
    "account_inactive": _("这个账号已停用。"),
    "cannot_remove_primary_email": _("主邮箱不能移除，先把另一个设为主邮箱。"),
    "duplicate_email": _("这个邮箱已经加过了。"),
    "email_password_mismatch": _("邮箱或密码不正确。"),
    "email_taken": _("这个邮箱已有账号使用。"),
    "enter_current_password": _("当前密码不正确。"),
    "incorrect_password": _("密码不正确。"),
    "invalid_login": _("不能这样登录。"),
    "invalid_password_reset": _("重置链接已失效。"),
    "rate_limited": _("请求太频繁，稍后再试。"),
    "too_many_login_attempts": _("失败次数太多，稍后再试。"),
    "unverified_primary_email": _("主邮箱要先确认。"),
    "username_blacklisted": _("这个用户名不能用，换一个。"),
    "username_password_mismatch": _("用户名或密码不正确。"),
    "username_taken": _("这个用户名已有人使用，换一个。"),
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages: ClassVar[dict[str, Any]] = {**DefaultAccountAdapter.error_messages, **ERROR_MESSAGES}

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """A user never exists without a workspace, and no workspace without its wallets and trial credit."""
        user = super().save_user(request, user, form, commit=commit)
        wallets_open(workspace=workspace_create(owner=user))
        audit(actor=user.username, verb="user.signup", object=user.username)
        return user
