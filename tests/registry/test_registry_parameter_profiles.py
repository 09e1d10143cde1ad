"""The ranges that vendors document, at their borders."""

from typing import Any

import pytest

from models_registry.models import Endpoint
from models_registry.vendors.parameter_profiles import PROFILES, profile_violation

ALLOWED = {
    "temperature": [0, 0.0, 1, 1.999999, None],
    "top_p": [0.000001, 1, 1.0, None],
    "seed": [0, 1, 2**64 - 1, None],
    "presence_penalty": [-2, -2.0, 0, 2, 2.0, None],
    "max_tokens": [1, 10**9, None],
    "stop": ["", "你好", [], ["a", "b"], [1, 2], None],
    "enable_search": [True, False, None],
}
REFUSED = {
    "temperature": [-0.000001, 2, 2.0, "1", True, [1]],
    "top_p": [0, 0.0, -1, 1.000001, "1", True],
    "seed": [-1, 2**64, 5.0, "5", False],
    "presence_penalty": [-2.000001, 2.000001, "0", True],
    "max_tokens": [0, -1, 1.0, "9", True],
    "stop": [["你好", 123456], 5, True, {"a": 1}, [True], [None], [["a"]]],
    "enable_search": ["true", 1, 0],
}
MESSAGES = [
    ("temperature", 2, "'temperature' must be a number in [0, 2), not 2."),
    ("top_p", 0, "'top_p' must be a number in (0, 1], not 0."),
    ("seed", -1, "'seed' must be a whole number in [0, 2^64−1], not -1."),
    ("presence_penalty", 2.5, "'presence_penalty' must be a number in [-2, 2], not 2.5."),
    ("max_tokens", 0, "'max_tokens' must be a whole number of at least 1, not 0."),
    (
        "stop",
        ["你好", 123456],
        "'stop' must be a string, or an array of strings or of token ids but not of both, not [\"你好\", 123456].",
    ),
    ("enable_search", "yes", "'enable_search' must be true or false, not \"yes\"."),
]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in ALLOWED.items() for value in values])
def test_the_range_is_allowed_to_its_borders(name: str, value: Any) -> None:
    assert profile_violation("qwen", {name: value}) is None


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in REFUSED.items() for value in values])
def test_what_lies_outside_is_a_violation(name: str, value: Any) -> None:
    violation = profile_violation("qwen", {"model": "m", name: value})
    assert violation is not None
    assert violation.param == name
    assert profile_violation("none", {name: value}) is None


@pytest.mark.parametrize(("name", "value", "message"), MESSAGES)
def test_the_message_names_parameter_value_and_range(name: str, value: Any, message: str) -> None:
    assert profile_violation("qwen", {name: value}) == (name, message)


def test_a_long_value_is_shown_in_part() -> None:
    violation = profile_violation("qwen", {"enable_search": "x" * 1000})
    assert violation is not None
    assert len(violation.message) < 150


def test_every_parameter_has_its_borders_tested() -> None:
    assert ALLOWED.keys() == REFUSED.keys() == PROFILES["qwen"].keys()


def test_every_profile_an_endpoint_can_have_is_known() -> None:
    assert set(Endpoint.ParameterProfile.values) == PROFILES.keys()
