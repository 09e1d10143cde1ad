"""What people type on the accounts pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiKey, Workspace

SCOPES = (
    (ApiKey.Scope.INFERENCE, _("调用模型")),
    (ApiKey.Scope.MANAGEMENT, _("调用与管理")),
)


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        label=_("名称"),
        max_length=ApiKey.NAME_MAX,
        help_text=_("写下用在哪里，停用时才认得出来，例如 客服机器人"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    scope = forms.ChoiceField(label=_("权限"), choices=SCOPES, initial=ApiKey.Scope.INFERENCE)
    # One form makes one key, however often it is sent.
    ticket = forms.RegexField(r"^[\w-]{1,64}$", required=False, widget=forms.HiddenInput)


class WorkspaceForm(forms.Form):
    name = forms.CharField(label=_("工作空间名称"), max_length=Workspace.NAME_MAX)
