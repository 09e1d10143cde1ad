"""Token counts and the shapes vendors report them in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.switches import Switches, UsageShape

Usage = dict[str, int | dict[str, int]]

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def count_tokens(texts: Iterable[str]) -> int:
    """Words between blanks, plus one per CJK character, at least 1: `你好 world` counts 4."""
    return max(1, sum(len(text.split()) + len(_CJK.findall(text)) for text in texts))


def prompt_tokens(switches: Switches, texts: Iterable[str]) -> int:
    return count_tokens(texts) if switches.prompt is None else switches.prompt


def usage_of(prompt: int, completion: int, shape: UsageShape | None, reasoning: int = 0) -> Usage:
    if shape == "total":
        return {"total_tokens": prompt + completion}
    if shape == "input_output":
        return {"input_tokens": prompt, "output_tokens": completion}
    usage: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return usage


def input_usage(prompt: int, shape: UsageShape | None) -> Usage:
    """Usage of a call that generates nothing."""
    if shape == "total":
        return {"total_tokens": prompt}
    if shape == "input_output":
        return {"input_tokens": prompt}
    return {"prompt_tokens": prompt, "total_tokens": prompt}
