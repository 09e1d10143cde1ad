"""allauth's forms in our words: labels say what they are once, without a placeholder that repeats them."""

from typing import Any

from allauth.account import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class Quiet:
    """Takes the placeholders off."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class LoginForm(Quiet, forms.LoginForm):  # type: ignore[misc]  # allauth ships no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("用户名或邮箱")
        self.fields["password"].help_text = ""  # the page has a link to the reset of its own


class SignupForm(Quiet, forms.SignupForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("邮箱")
        self.fields["email"].help_text = _("用于登录和重置密码")


class AddEmailForm(Quiet, forms.AddEmailForm):  # type: ignore[misc]
    def save(self, request: HttpRequest) -> Any:
        """The first address is the primary one: nobody should have to press a button to mean it."""
        address = super().save(request)
        address.set_as_primary(conditional=True)
        return address


class ChangePasswordForm(Quiet, forms.ChangePasswordForm):  # type: ignore[misc]
    pass


class SetPasswordForm(Quiet, forms.SetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordForm(Quiet, forms.ResetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordKeyForm(Quiet, forms.ResetPasswordKeyForm):  # type: ignore[misc]
    pass
