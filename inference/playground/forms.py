"""What a browser sends, checked: a prompt, its models, the parameters."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from inference.playground.parameters import parameters_offered
from inference.playground.pictures import PICTURES_MAX
from models_registry.vendors.base import Json
from models_registry.vendors.parameter_rules import Flag, Range, Rule

if TYPE_CHECKING:
    from inference.models import PromptPicture

COLUMNS_MAX = 2
PROMPT_MAX = 200_000  # characters
STOP_MAX = 4


class ParametersForm(forms.Form):
    """A field for each parameter the chosen models know; empty ones are not sent: the model's own defaults hold."""

    system_prompt = forms.CharField(max_length=PROMPT_MAX, required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        named = [name.replace("\0", "").strip() for name in data.getlist("model")]
        self.models = [name[:200] for name in named if name][:COLUMNS_MAX]
        self.offered = parameters_offered(models=self.models)
        self.fields |= {one.parameter.name: parameter_field(one.parameter.rule) for one in self.offered}

    @property
    def parameters(self) -> Json:
        """As they stand in the request's body."""
        given = {one.parameter.name: self.cleaned_data.get(one.parameter.name) for one in self.offered}
        return {name: value for name, value in given.items() if value not in (None, [])}


class NumberField(forms.DecimalField):
    """Money is no part of it, so a float is a float."""

    def __init__(self, rule: Range) -> None:
        super().__init__(required=False, max_digits=24, decimal_places=0 if rule.whole else 4)
        self.rule = rule

    def clean(self, value: Any) -> float | None:
        found = super().clean(value)
        if found is None:
            return None
        number = int(found) if found == found.to_integral_value() else float(found)
        if not self.rule.allows(number):
            raise forms.ValidationError(_("取值范围是 %(interval)s") % {"interval": self.rule.interval})
        return number


class FlagField(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(required=False, choices=[("", ""), ("true", ""), ("false", "")])

    def clean(self, value: Any) -> bool | None:
        found = super().clean(value)
        return found == "true" if found else None


class StopField(forms.CharField):
    """One word a line."""

    def __init__(self) -> None:
        super().__init__(required=False, max_length=400)

    def clean(self, value: Any) -> list[str]:
        words = [line.strip("\r") for line in super().clean(value).split("\n")]
        words = [word for word in words if word]
        if len(words) > STOP_MAX:
            raise forms.ValidationError(_("停止词最多 4 个，每行一个"))
        return words


def parameter_field(rule: Rule) -> forms.Field:
    if isinstance(rule, Range):
        return NumberField(rule)
    return FlagField() if isinstance(rule, Flag) else StopField()


class PromptForm(ParametersForm):
    """`key` comes with the page; the same page sent twice is one turn."""

    prompt = forms.CharField(max_length=PROMPT_MAX, error_messages={"required": _("写下想问的内容再发送")})
    key = forms.CharField(max_length=64)
    conversation = forms.IntegerField(min_value=1, required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.pictures: list[PromptPicture] = []

    def clean(self) -> dict[str, Any]:
        if not self.models:
            raise forms.ValidationError(_("选一个模型再发送"))
        return self.cleaned_data

    @property
    def first_error(self) -> str:
        """One sentence; a parameter's begins with its name."""
        name, errors = next(iter(self.errors.items()))
        return str(errors[0]) if name in {"prompt", "__all__"} else f"{name}: {errors[0]}"


def picture_ids(data: QueryDict) -> list[int]:
    """As many as a prompt may have, and one more that shows there are too many."""
    texts = [text for text in data.getlist("picture") if text.isdecimal() and len(text) <= 18]
    return [int(text) for text in dict.fromkeys(texts)][: PICTURES_MAX + 1]


class TitleForm(forms.Form):
    title = forms.CharField(max_length=200)
