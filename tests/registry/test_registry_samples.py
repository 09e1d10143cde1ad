"""Code that a developer copies: it is run, and sends exactly what it is to send, whatever the names hold."""

import ast
import base64
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from models_registry.samples import CHAT, KEY_VARIABLE, LANGUAGES, SHORT, Call, Sample, Site, example_call, samples_of

NAMES = ["@BAAI/bge:v1.5;type=x", "o'brien\"s $HOME`x`\\n"]
ODD = Call(
    CHAT,
    {
        "model": "deepseek-r1:1.5b",
        "messages": [
            {"role": "system", "content": "it's `fine`"},
            {"role": "user", "content": "你好\n'$HOME' \"quoted\" \\n"},
        ],
        "temperature": 0.6,
        "stop": ["\n", '"'],
        "enable_thinking": False,
        "seed": None,
        "stream": True,
    },
)
SITE = Site("https://models.example/v1")
ANSWERS: dict[str, Any] = {
    "/v1/chat/completions": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "an answer"}}]},
    "/v1/embeddings": {"object": "list", "data": [{"index": 0, "object": "embedding", "embedding": [0.5, 0.25]}]},
    "/v1/rerank": {"results": [{"index": 0, "relevance_score": 0.9}]},
    "/v1/ocr": {"text": "words on a page"},
}


class Heard(NamedTuple):
    path: str
    key: str
    fields: dict[str, Any]  # of the JSON or the form; a file as its bytes


class Desk(ThreadingHTTPServer):
    """Answers as the gateway would, and keeps what it heard."""

    heard: list[Heard]


class Ear(BaseHTTPRequestHandler):
    server: Desk

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["Authorization"].removeprefix("Bearer ")
        self.server.heard.append(Heard(self.path, key, self.fields(body)))
        answer = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def fields(self, body: bytes) -> dict[str, Any]:
        if self.headers["Content-Type"] == "application/json":
            return dict(json.loads(body))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(head + body, policy=policy.HTTP).iter_parts()
        found = {str(part.get_param("name", header="content-disposition")): part for part in parts}
        return {
            name: part.get_payload(decode=True) if part.get_filename() else part.get_payload(decode=True).decode()
            for name, part in found.items()
        }

    def log_message(self, *words: object) -> None:
        """pytest's output is not its place."""


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with Desk(("127.0.0.1", 0), Ear) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


RUNNERS = {
    "curl": ["bash", "call.sh"],
    "Python": [sys.executable, "call.py"],
    "Node": ["node", "call.mjs"],
    "Go": ["go", "run", "call.go"],
    "Java": ["java", "Call.java"],
    "PHP": ["php", "call.php"],
}
KINDS = ["llm", "embedding", "rerank", "ocr"]
NEEDS_A_LIBRARY = {("Node", "llm"), ("Node", "embedding")}  # npm's openai; what it sends is tested below
COMPILED = {"Go", "Java"}  # take seconds each
RUN = [
    pytest.param(label, kind, marks=pytest.mark.slow if label in COMPILED else [])
    for label in RUNNERS
    for kind in KINDS
    if (label, kind) not in NEEDS_A_LIBRARY
]


def run(sample: Sample, folder: Path) -> str:
    command = RUNNERS[sample.label]
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not on this machine")
    (folder / "page.png").write_bytes(b"a picture")
    (folder / command[-1]).write_text(sample.code, encoding="utf-8")
    environment = {**os.environ, KEY_VARIABLE: "sk-from-the-environment"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("label", "kind"), RUN)
def test_what_is_copied_runs_and_sends_the_call(desk: Desk, tmp_path: Path, label: str, kind: str) -> None:
    site = Site(f"http://127.0.0.1:{desk.server_address[1]}/v1")
    for name, secret in zip(NAMES, ("", "sk-abc"), strict=True):
        desk.heard = []
        call = example_call(kind, name)
        (sample,) = samples_of(call, Site(site.base_url, secret), [label])
        shown = run(sample, tmp_path)
        file = picture_as_sent(label) if call.file else {}
        [heard] = desk.heard
        assert heard.path == f"/v1{call.path}"
        assert heard.key == (secret or "sk-from-the-environment")
        assert heard.fields.items() >= {**call.body, **file}.items()
        assert any(word in shown for word in ("an answer", "2", "0.9", "words on a page"))


def picture_as_sent(label: str) -> dict[str, Any]:
    """In a form, or where a language has none of its own, as a data URL."""
    encoded = base64.b64encode(b"a picture").decode()
    return {"image": f"data:image/png;base64,{encoded}"} if label in COMPILED else {"file": b"a picture"}


def codes(call: Call, site: Site = SITE) -> dict[str, str]:
    return {sample.label: sample.code for sample in samples_of(call, site)}


@pytest.mark.parametrize("label", LANGUAGES)
def test_every_sample_names_the_address_and_the_model_and_no_key(label: str) -> None:
    code = codes(ODD)[label]
    assert "https://models.example/v1" in code
    assert "deepseek-r1:1.5b" in code
    assert KEY_VARIABLE in code
    assert "sk-" not in code
    assert "sk-abc" in codes(ODD, Site(SITE.base_url, "sk-abc"))[label]
    assert KEY_VARIABLE not in codes(ODD, Site(SITE.base_url, "sk-abc"))[label]


def test_the_shell_sends_exactly_the_body() -> None:
    code = codes(ODD)["curl"].replace("curl ", "printf '%s\\n' ", 1)
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, timeout=10)
    assert json.loads(done.stdout.split("\n-d\n")[1]) == ODD.body


def test_the_python_hands_over_what_the_library_does_not_know_as_extra() -> None:
    tree = ast.parse(codes(ODD)["Python"])
    (create,) = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("create")
    ]
    given = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in create.keywords}
    extra = given.pop("extra_body")
    assert extra == {"enable_thinking": False}
    assert {**given, **extra} == ODD.body


def test_the_javascript_holds_the_body_as_it_is() -> None:
    code = codes(ODD)["Node"]
    assert json.loads(code.split(".create(", 1)[1].split(");\nfor await", 1)[0]) == ODD.body


def test_a_backquote_leaves_gos_raw_string() -> None:
    literal = codes(ODD)["Go"].split("body := ", 1)[1].split("\n\trequest, err", 1)[0]
    pieces = [ast.literal_eval(part) if part.startswith('"') else part[1:-1] for part in literal.split(" + ")]
    assert json.loads("".join(pieces)) == ODD.body


def test_java_holds_the_body_in_one_string() -> None:
    literal = codes(ODD)["Java"].split("String body = ", 1)[1].split(";\n", 1)[0]
    assert json.loads(json.loads(literal)) == ODD.body


def test_every_kind_is_shown_in_every_language_unless_few_are_wanted() -> None:
    assert [list(codes(example_call(kind, "x"))) for kind in KINDS] == [list(LANGUAGES)] * len(KINDS)
    assert [sample.label for sample in samples_of(ODD, SITE, SHORT)] == ["curl", "Python"]


@pytest.mark.parametrize("label", [label for label in RUNNERS if label != "Node" and label not in COMPILED])
def test_odd_texts_arrive_as_they_are(desk: Desk, tmp_path: Path, label: str) -> None:
    desk.heard = []
    call = ODD._replace(
        body={**ODD.body, "stream": False, "messages": [{"role": "user", "content": "JSON;\n<?php 'x"}]}
    )
    (sample,) = samples_of(call, Site(f"http://127.0.0.1:{desk.server_address[1]}/v1"), [label])
    run(sample, tmp_path)
    assert [heard.fields for heard in desk.heard] == [call.body]


@pytest.mark.parametrize("label", ["curl", "Python", "Node", "PHP"])
@pytest.mark.parametrize(
    "name", ["$(touch ran).png", "a;touch ran;.png", "`touch ran` b.png", "x;type=y,'\"\\.png", "~ b&c"]
)
def test_a_files_name_is_a_name_and_no_command(desk: Desk, tmp_path: Path, label: str, name: str) -> None:
    """It may come from a stranger, with the picture."""
    desk.heard = []
    (tmp_path / name).write_bytes(b"a picture")
    call = example_call("ocr", "m")._replace(file=name)
    (sample,) = samples_of(call, Site(f"http://127.0.0.1:{desk.server_address[1]}/v1"), [label])
    run(sample, tmp_path)
    assert not (tmp_path / "ran").exists()
    assert desk.heard[0].fields["file"] == b"a picture"
