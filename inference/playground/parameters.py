"""The parameter panel: a field for whatever one of the chosen models knows."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.translation import get_language

from models_registry.parameters import Parameters, chat_parameters, narrowed
from models_registry.vendors.base import Parameter, Text
from models_registry.vendors.parameter_rules import Flag, Range

STEP = 0.01
SLIDER_HIGH_TOKENS = 8192  # where the vendor names no end


class Offered(NamedTuple):
    """`only` is the one model that knows it, "" where all do."""

    parameter: Parameter
    only: str = ""


class Field(NamedTuple):
    """`kind`: number, whole, flag or stop. `high` is "" where there is no end, `label` where the name says it all."""

    name: str
    kind: str
    label: str
    help: str
    only: str
    value: Any
    low: str = ""
    high: str = ""
    step: str = ""
    slider_high: str = ""


def parameters_offered(*, models: Sequence[str]) -> list[Offered]:
    """For one or two models: of the first first. A range they both have is the range that both allow."""
    lists = chat_parameters(models=models or [""])
    first, *others = lists.values()
    known = {one.name: one for other in others for one in other}
    offered = [
        Offered(narrowed(one, known[one.name]) if one.name in known else one, only_of(one.name, lists)) for one in first
    ]
    names = {one.name for one in first}
    return offered + [Offered(one, only_of(name, lists)) for name, one in known.items() if name not in names]


def only_of(name: str, lists: Mapping[str, Parameters]) -> str:
    knowing = [model for model, parameters in lists.items() if any(one.name == name for one in parameters)]
    return knowing[0] if len(knowing) < len(lists) else ""


# --- fields ------------------------------------------------------------------------------------------
def fields_shown(offered: Sequence[Offered], values: Mapping[str, Any]) -> list[Field]:
    return [field_shown(one, values.get(one.parameter.name)) for one in offered]


def field_shown(offered: Offered, value: Any) -> Field:
    parameter = offered.parameter
    rule = parameter.rule
    words = (
        label_beside(parameter.name, in_language(parameter.label)),
        in_language(parameter.help),
        offered.only,
        "" if value is None else value,
    )
    if isinstance(rule, Flag):
        return Field(parameter.name, "flag", *words)
    if not isinstance(rule, Range):
        return Field(parameter.name, "stop", *words)
    if rule.whole:
        end = "" if rule.high is None else str(int(rule.high))
        slider_high = str(SLIDER_HIGH_TOKENS) if parameter.name == "max_tokens" else ""
        return Field(parameter.name, "whole", *words, str(int(rule.low)), end, "1", slider_high)
    low = f"{rule.low + STEP * rule.low_open:g}"
    high = "" if rule.high is None else f"{rule.high - STEP * rule.high_open:g}"
    return Field(parameter.name, "number", *words, low, high, f"{STEP:g}", high)


def label_beside(name: str, label: str) -> str:
    """ "" where it says the name once more."""
    return "" if label.lower().replace(" ", "_") == name else label


def in_language(text: Text) -> str:
    return text.zh if (get_language() or "zh").startswith("zh") else text.en
