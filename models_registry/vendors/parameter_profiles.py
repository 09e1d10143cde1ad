"""Documented ranges of parameters, checked before a vendor refuses them in words of its own. Pure."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from models_registry.vendors.base import Json
from models_registry.vendors.parameter_rules import ALL_64_BITS, Flag, Range, Rule, StopWords

SHOWN_VALUE_MAX = 80


class Violation(NamedTuple):
    param: str
    message: str


# 通义千问's parameter table.
QWEN: Mapping[str, Rule] = {
    "temperature": Range(0, 2, high_open=True),
    "top_p": Range(0, 1, low_open=True),
    "seed": Range(0, ALL_64_BITS, whole=True),
    "presence_penalty": Range(-2, 2),
    "max_tokens": Range(1, whole=True),
    "stop": StopWords(),
    "enable_search": Flag(),
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
