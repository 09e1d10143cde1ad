"""What a browser sends, checked: a prompt, its models, the parameters."""

import math
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from inference.gateway.requests import TOKENS_MAX
from models_registry.vendors.base import Json

COLUMNS_MAX = 2
PROMPT_MAX = 200_000  # characters
STOP_MAX = 4
PLAIN = ("temperature", "top_p", "max_tokens")


class ParametersForm(forms.Form):
    """Empty fields are not sent: the model's own defaults hold."""

    system_prompt = forms.CharField(max_length=PROMPT_MAX, required=False)
    temperature = forms.DecimalField(min_value=0, max_value=2, max_digits=6, decimal_places=4, required=False)
    top_p = forms.DecimalField(min_value=Decimal("0.0001"), max_value=1, max_digits=6, decimal_places=4, required=False)
    max_tokens = forms.IntegerField(min_value=1, max_value=TOKENS_MAX, required=False)
    enable_thinking = forms.ChoiceField(choices=[("", ""), ("true", ""), ("false", "")], required=False)
    stop = forms.CharField(max_length=400, required=False)

    def clean_stop(self) -> list[str]:
        words = [line.strip("\r") for line in self.cleaned_data["stop"].split("\n")]
        words = [word for word in words if word]
        if len(words) > STOP_MAX:
            raise forms.ValidationError(_("停止词最多 4 个，每行一个"))
        return words

    @property
    def parameters(self) -> Json:
        """As they stand in the request's body. Money is no part of them, so a float is a float."""
        given = self.cleaned_data
        found: Json = {name: plain_number(given[name]) for name in PLAIN if given.get(name) is not None}
        if given.get("enable_thinking"):
            found["enable_thinking"] = given["enable_thinking"] == "true"
        if given.get("stop"):
            found["stop"] = given["stop"]
        return found


class PromptForm(ParametersForm):
    """`key` comes with the page; the same page sent twice is one turn."""

    prompt = forms.CharField(max_length=PROMPT_MAX, error_messages={"required": _("写下想问的内容再发送")})
    key = forms.CharField(max_length=64)
    conversation = forms.IntegerField(min_value=1, required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        named = [name.replace("\0", "").strip() for name in data.getlist("model")]
        self.models = [name[:200] for name in named if name][:COLUMNS_MAX]

    def clean(self) -> dict[str, Any]:
        if not self.models:
            raise forms.ValidationError(_("选一个模型再发送"))
        return self.cleaned_data

    @property
    def first_error(self) -> str:
        """One sentence; a parameter's begins with its name."""
        name, errors = next(iter(self.errors.items()))
        return str(errors[0]) if name in {"prompt", "__all__"} else f"{name}: {errors[0]}"


class TitleForm(forms.Form):
    title = forms.CharField(max_length=200)


def plain_number(value: Decimal | int) -> float | int:
    number = float(value)
    return int(number) if isinstance(value, int) or math.floor(number) == number else number
