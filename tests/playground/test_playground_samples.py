"""Code that a developer copies: right, and without a secret."""

import ast
import json
import subprocess

import pytest

from inference.playground.messages import Exchanged, chat_body
from inference.playground.samples import Sample, chat_samples

BODY = chat_body(
    model="deepseek-r1:1.5b",
    system_prompt="it's `fine`",
    parameters={"temperature": 0.6, "stop": ["\n", '"'], "enable_thinking": False},
    earlier=[Exchanged("一", "二"), Exchanged("failed", "")],
    prompt="你好\n'$HOME' \"quoted\" \\n",
)
SAMPLES = {sample.label: sample for sample in chat_samples("https://models.example/v1", BODY)}


def test_an_unanswered_prompt_is_left_out() -> None:
    assert [message["content"] for message in BODY["messages"]][:3] == ["it's `fine`", "一", "二"]
    assert "failed" not in json.dumps(BODY)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.label)
def test_every_sample_names_the_address_and_the_model_and_no_key(sample: Sample) -> None:
    assert "https://models.example/v1" in sample.code
    assert "deepseek-r1:1.5b" in sample.code
    assert "MODEL_CONSOLE_KEY" in sample.code
    assert "sk-" not in sample.code


def test_the_shell_sends_exactly_the_body() -> None:
    code = SAMPLES["curl"].code.replace("curl ", "printf '%s\\n' ", 1)
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, timeout=10)
    assert json.loads(done.stdout.split("\n-d\n")[1]) == BODY


def test_the_python_is_python_and_says_the_same() -> None:
    tree = ast.parse(SAMPLES["Python"].code)
    (call,) = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("create")
    ]
    given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    extra = given.pop("extra_body")
    assert {**given, **extra} == BODY
    assert extra == {"enable_thinking": False}


def test_a_backquote_leaves_gos_raw_string() -> None:
    code = SAMPLES["Go"].code
    literal = code.split("body := ", 1)[1].split("\n\trequest, err", 1)[0]
    pieces = [ast.literal_eval(part) if part.startswith('"') else part[1:-1] for part in literal.split(" + ")]
    assert json.loads("".join(pieces)) == BODY


def test_java_holds_the_body_in_one_string() -> None:
    literal = SAMPLES["Java"].code.split("String body = ", 1)[1].split(";\n", 1)[0]
    assert json.loads(json.loads(literal)) == BODY
