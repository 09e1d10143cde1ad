"""allauth's forms in our words: labels say what they are once, without a placeholder that repeats them."""

from typing import Any

from allauth.account import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

LABELS = {
    "login": _("用户名或邮箱"),
    "username": _("用户名"),
    "email": _("邮箱"),
    "password": _("密码"),
    "oldpassword": _("当前密码"),
    "password1": _("新密码"),
    "password2": _("再输入一次密码"),
}


class Worded:
    """Our labels; no placeholders; no link to the reset under a password, for the pages have their own."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.label = LABELS.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)
            if name in {"password", "oldpassword"}:
                field.help_text = ""


class LoginForm(Worded, forms.LoginForm):  # type: ignore[misc]  # allauth ships no types
    pass


class SignupForm(Worded, forms.SignupForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].label = _("密码")
        self.fields["email"].help_text = _("用于登录和重置密码")


class AddEmailForm(Worded, forms.AddEmailForm):  # type: ignore[misc]
    def save(self, request: HttpRequest) -> Any:
        """The first address is the primary one: nobody should have to press a button to mean it."""
        address = super().save(request)
        address.set_as_primary(conditional=True)
        return address


class ChangePasswordForm(Worded, forms.ChangePasswordForm):  # type: ignore[misc]
    pass


class SetPasswordForm(Worded, forms.SetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordForm(Worded, forms.ResetPasswordForm):  # type: ignore[misc]
    pass


class ReauthenticateForm(Worded, forms.ReauthenticateForm):  # type: ignore[misc]
    pass


class ResetPasswordKeyForm(Worded, forms.ResetPasswordKeyForm):  # type: ignore[misc]
    pass
