"""通义千问's rules in words: `system` stands first, and three series do not search."""

from typing import Any

import pytest
from test_registry_catalogs import DOCUMENTS

from models_registry.vendors.qwen_rules import qwen_violation, series_without_search

SYSTEM, USER = {"role": "system", "content": "s"}, {"role": "user", "content": "u"}
ASSISTANT, TOOL = {"role": "assistant", "content": "a"}, {"role": "tool", "content": "t", "tool_call_id": "1"}
SEARCHING = {"qwen-turbo", "qwen-plus", "qwen-max", "qwen-mt-turbo", "qwen-mt-plus", "qwen-coder-plus",
             "qwen-coder-turbo", "qwen-math-turbo", "qwen-math-plus", "text-embedding-v3", "farui-plus"}  # fmt: skip


@pytest.mark.parametrize(
    "messages",
    [
        [SYSTEM, USER],
        [USER],
        [SYSTEM],
        [USER, USER, ASSISTANT],
        [SYSTEM, USER, ASSISTANT, TOOL, USER],
        [{"role": "developer", "content": "d"}, {"role": "latest", "content": "l"}],
        [],
        None,
        "你好",
        ["x", 5, None],
    ],
)
def test_every_other_order_of_roles_is_the_vendors_to_judge(messages: Any) -> None:
    assert qwen_violation({"model": "m", "messages": messages}, "qwen-plus") is None


@pytest.mark.parametrize(("messages", "index"), [([USER, SYSTEM], 1), ([SYSTEM, USER, SYSTEM, SYSTEM], 2)])
def test_a_system_message_that_is_not_the_first_is_named(messages: Any, index: int) -> None:
    assert qwen_violation({"model": "m", "messages": messages}, "qwen-plus") == (
        f"messages[{index}].role",
        f"'messages[{index}].role' must not be 'system': Qwen takes a system message as messages[0] alone.",
    )


def test_qwen_long_is_given_its_documents_in_system_messages() -> None:
    file = {"role": "system", "content": "fileid://file-fe-1"}
    assert qwen_violation({"model": "m", "messages": [SYSTEM, file, USER]}, "qwen-long-latest") is None
    assert qwen_violation({"model": "m", "messages": [SYSTEM, file, USER]}, "qwen-plus") is not None


def test_of_the_documents_list_only_the_commercial_models_search() -> None:
    lines = (DOCUMENTS / "wcode.tsv").read_text(encoding="utf-8").splitlines()
    names = {name for line in lines for name in line.split("\t")[:1] if "-" in name}
    assert {name for name in names if not series_without_search(name)} == SEARCHING


@pytest.mark.parametrize(
    ("model", "series"),
    [
        ("qwen-vl-max-latest", "the qwen-vl series"),
        ("qwen-long-latest", "the qwen-long series"),
        ("qwq-32b", "the open-source Qwen series"),
        ("Qwen/Qwen3-235B-A22B", "the open-source Qwen series"),
        ("qwen2.5:0.5b", "the open-source Qwen series"),
        ("qwen-max-2025-01-25", ""),
        ("deepseek-r1-distill-qwen-7b", ""),
        ("qwen-plus;chunks=2", ""),
        ("", ""),
    ],
)
def test_the_series_is_told_by_the_upstreams_name(model: str, series: str) -> None:
    assert series_without_search(model) == series


def test_a_search_that_is_not_taken_names_parameter_model_and_fix() -> None:
    assert qwen_violation({"model": "mine", "enable_search": True}, "qwen-long") == (
        "enable_search",
        "'enable_search' is not taken by 'mine', a model of the qwen-long series. "
        "Leave it out, or call a model that searches, such as qwen-plus.",
    )
    assert qwen_violation({"model": "mine", "enable_search": False}, "qwen-long") is None
    assert qwen_violation({"model": "mine", "enable_search": True}, "qwen-plus") is None
