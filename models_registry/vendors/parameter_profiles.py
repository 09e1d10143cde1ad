"""Documented ranges of parameters, checked before a vendor refuses them in words of its own. Pure."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from models_registry.vendors.base import Json

SHOWN_VALUE_MAX = 80


class Rule(NamedTuple):
    """`wanted` says in words what `allows` checks."""

    wanted: str
    allows: Callable[[Any], bool]


class Violation(NamedTuple):
    param: str
    message: str


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_stop(value: Any) -> bool:
    if isinstance(value, list):
        return {type(item) for item in value} in (set(), {str}, {int})
    return isinstance(value, str)


# 通义千问's parameter table; Python's chained comparisons read like its intervals.
QWEN: Mapping[str, Rule] = {
    "temperature": Rule("a number in [0, 2)", lambda value: is_number(value) and 0 <= value < 2),
    "top_p": Rule("a number in (0, 1]", lambda value: is_number(value) and 0 < value <= 1),
    "seed": Rule("a whole number in [0, 2^64−1]", lambda value: is_whole(value) and 0 <= value < 2**64),
    "presence_penalty": Rule("a number in [-2, 2]", lambda value: is_number(value) and -2 <= value <= 2),
    "max_tokens": Rule("a whole number of at least 1", lambda value: is_whole(value) and value >= 1),
    "stop": Rule("a string, or an array of strings or of token ids but not of both", is_stop),
    "enable_search": Rule("true or false", lambda value: isinstance(value, bool)),
}
PROFILES: Mapping[str, Mapping[str, Rule]] = {"none": {}, "qwen": QWEN}


def profile_violation(profile: str, request: Json) -> Violation | None:
    """The first parameter outside the profile's range; null is a parameter left out."""
    for name, rule in PROFILES[profile].items():
        value = request.get(name)
        if value is not None and not rule.allows(value):
            return Violation(name, f"'{name}' must be {rule.wanted}, not {shown(value)}.")
    return None


def shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_VALUE_MAX else f"{text[:SHOWN_VALUE_MAX]}…"
