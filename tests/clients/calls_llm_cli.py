"""The `llm` command, told of our models by its own YAML file, as its manual says for compatible servers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORDS = "w1 w2 w3 w4 w5 w6 w7 w8"
Llm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def llm(target: Any, tmp_path: Path) -> Llm:
    models = [
        {"model_id": name, "model_name": target.models[name], "api_base": target.v1, "api_key_name": "console", **more}
        for name, more in {"chat": {}, "tools": {"supports_tools": True}}.items()
    ]
    # YAML is a superset of JSON.
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps(models), encoding="utf-8")
    (tmp_path / "keys.json").write_text(json.dumps({"console": target.key}), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("llm"))]

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*command, *arguments],
            env={**os.environ, "LLM_USER_PATH": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.mark.parametrize("options", [(), ("--no-stream",)])
def test_a_prompt_is_answered_and_its_usage_shown(llm: Llm, options: tuple[str, ...]) -> None:
    done = llm("-m", "chat", "-s", "Be short.", "--usage", "你好 world", *options)
    assert done.stdout.strip() == WORDS
    assert "8 output" in done.stderr


def test_a_tool_is_called_and_its_result_sent_back(llm: Llm) -> None:
    function = "def weather(city: str, days: int) -> str:\n    'The weather.'\n    return city + ' is sunny'"
    # The simulator calls the tool every time it is asked, so the chain ends at its limit.
    done = llm("-m", "tools", "--functions", function, "--td", "--chain-limit", "2", "天气?", code=1)
    assert "北京 is sunny" in done.stderr


def test_an_error_is_said(llm: Llm) -> None:
    assert "API key" in llm("-m", "chat", "--key", "sk-wrong", "hi", code=1).stderr
