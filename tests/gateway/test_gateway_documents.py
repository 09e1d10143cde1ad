"""Every call the five source documents print, sent as printed: only host, key and open model names are filled in.

The model is imported under the printed name, from the documented address at the simulator. Each row checks what the
upstream received, what the caller got, and the bill.
"""

import json
import os
import re
import subprocess
import sys
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
from gateway_desk import Caller, Events
from printed import DOCUMENTS, PLACEHOLDERS, Request, paths_in, reply_of, request_of, samples

from accounts.money import nano_to_yuan
from inference.gateway.app import POSTS
from inference.gateway.native.speech import FORMS
from models_registry.vendors.probe_image import PROBE_PNG

INPUT, OUTPUT, PAGE = 2_000, 8_000, 10_000_000  # nano-yuan


class Row(NamedTuple):
    document: str
    sample: str
    vendor: str = "openai_compatible"
    kind: str = "llm"
    profile: str = "none"
    switches: str = ""  # of the simulator, where the document says how the model behaves
    stream_only: bool = False

    def __str__(self) -> str:
        return f"{self.document}-{self.sample}".replace(" ", "_")

    @property
    def printed(self) -> Request:
        return request_of(self.document, self.sample)


ROWS = [
    Row("paratera", "curl"),
    Row("paratera", "qwen3 curl", switches=";reasoning=2;stream_only", stream_only=True),
    Row("common_maas", "curl"),
    Row("common_maas", "curl stream"),
    Row("common_maas", "DeepSeek-R1-Distill-Qwen-32B body"),
    Row("common_maas", "DeepSeek-R1-Distill-Qwen-32B body stream"),
    Row("common_maas", "QwQ-32B body"),
    Row("common_maas", "QwQ-32B body stream"),
    Row("common_maas", "ChatGLM4-9B body"),
    Row("common_maas", "Qwen2-72B body"),
    Row("common_maas", "MiniCPM-V body stream"),
    Row("wcode", "quick start curl", profile="qwen"),
    Row("wcode", "java.java", profile="qwen"),
    Row("wcode", "php.php", profile="qwen"),
    Row("wcode", "example 1 curl", profile="qwen"),
    Row("wcode", "example 1.1 curl", profile="qwen"),
    Row("wcode", "example 2 curl", profile="qwen"),
    Row("wcode", "example 3 curl", profile="qwen"),
    Row("wcode", "example 5 curl", profile="qwen"),
    Row("model_management", "llm openai_compatible curl"),
    Row("model_management", "llm yuanjing curl", "yuanjing"),
    Row("model_management", "llm ollama curl", "ollama"),
    Row("model_management", "llm dashscope curl", "dashscope", switches=";reasoning=2"),
    Row("model_management", "llm ark curl", "ark"),
    Row("model_management", "rerank openai_compatible curl", kind="rerank"),
    Row("model_management", "rerank dashscope curl", "dashscope", kind="rerank"),
    Row("model_management", "embedding openai_compatible curl", kind="embedding"),
    Row("model_management", "embedding yuanjing curl", "yuanjing", kind="embedding"),
    Row("model_management", "embedding ollama curl", "ollama", kind="embedding"),
    Row("model_management", "embedding dashscope curl", "dashscope", kind="embedding"),
    Row("yunwang", "chat body", switches=";extra"),
    Row("yunwang", "chat curl", switches=";extra"),
    Row("yunwang", "embedding body", kind="embedding"),
    Row("yunwang", "embedding curl", kind="embedding"),
    Row("yunwang", "rerank body", kind="rerank"),
    Row("yunwang", "rerank curl", kind="rerank"),
]
# Each has a test of its own below, with the reason why it is no row.
ALONE = {
    ("paratera", "python.py"),
    ("paratera", "go.go"),
    ("paratera", "java.java"),
    ("paratera", "node.js"),
    ("paratera", "qwen3 python.py"),
    ("common_maas", "MiniCPM-V body"),
    ("wcode", "python.py"),
    ("wcode", "example 4 curl"),
    ("model_management", "rerank yuanjing curl"),
    ("model_management", "ocr yuanjing curl"),
}
# What the documents print of a reply, and the simulator never says: fed in as printed by test_gateway_document_replies.
UNSAID = re.compile(
    r"(id|created|request_id|system_fingerprint|service_tier|choices\[\]\.message\.(tool_calls|reasoning_content)"
    r"|usage\.(prompt_tokens|completion_tokens|input_tokens|output_tokens)(_details.*)?)\Z"
)


def test_every_call_the_documents_print_is_made() -> None:
    printed = {(document, name) for document in DOCUMENTS for name in samples(document)}
    answers = {(document, name) for document, name in printed if re.search(r"\b(reply|chunk)$|stream$", name)}
    calls = printed - {one for one in answers if "body" not in one[1] and "curl" not in one[1]}
    assert {(row.document, row.sample) for row in ROWS} | ALONE == calls


# --- one row ---------------------------------------------------------------------------------------
class Asked(NamedTuple):
    """A printed call after it was made."""

    row: Row
    model: str
    caller: Caller
    response: httpx.Response
    received: Any  # what the simulator recorded


def name_of(row: Row) -> str:
    """The printed name; where it is left open, one of ours."""
    model = row.printed.json["model"]
    return "documents-open-name" if model in PLACEHOLDERS else str(model)


def imported(caller: Caller, row: Row, path: str, name: str) -> str:
    """Enabled from the documented address. Returns the upstream key, by which the row's calls are found again."""
    key = f"key-of-{row}-{caller.user.pk}"
    endpoint = {"inference_url": f"{caller.desk.simulator.url}{path}", "model": f"{name}{row.switches}"}
    if row.vendor != "ollama":
        endpoint["api_key"] = key
    if row.printed.authorization and not row.printed.authorization.startswith("Bearer"):
        endpoint["auth"] = "raw"
    if row.profile != "none":
        endpoint["parameter_profile"] = row.profile
    caller.desk.model([endpoint], kind=row.kind, name=name, vendor=row.vendor, stream_only=row.stream_only)
    return key


def gateway_path(path: str) -> str:
    """The printed path from where ours begins: the vendor's host and what stands before belong to its base URL."""
    if native := next((ours for ours in FORMS if path.endswith(ours)), None):
        return native
    operation = next(ours for ours in POSTS if path.endswith(ours))
    return operation if path == operation else f"/v1{operation}"


def headers_of(printed: Request, secret: str) -> dict[str, str]:
    """The printed headers with the caller's key in the printed form."""
    form = "{}" if printed.authorization and not printed.authorization.startswith("Bearer") else "Bearer {}"
    kept = {name: value for name, value in printed.headers.items() if name.lower() != "authorization"}
    name = next((name for name in printed.headers if name.lower() == "authorization"), "Authorization")
    return {**kept, name: form.format(secret)}


def body_of(printed: Request, name: str) -> bytes:
    body = printed.body
    for placeholder in PLACEHOLDERS:
        body = body.replace(json.dumps(placeholder, ensure_ascii=False).encode(), json.dumps(name).encode())
    return body


def ask(caller: Caller, row: Row, path: str = "") -> Asked:
    printed, name = row.printed, name_of(row)
    key = imported(caller, row, printed.path, name)
    path, headers = path or gateway_path(printed.path), headers_of(printed, caller.secret)
    response = caller.desk.http.post(path, content=body_of(printed, name), headers=headers)
    assert response.status_code == 200, response.text
    return Asked(row, name, caller, response, received_with(caller, key, f"{name}{row.switches}"))


def received_with(caller: Caller, key: str, model: str) -> Any:
    """The newest call that carried this key; of a vendor without keys, that named this model."""
    seen = [one for one in caller.desk.simulator.requests if one.headers.get("authorization", "").endswith(key)]
    return (seen or caller.desk.asked(model))[-1]


# --- the rows --------------------------------------------------------------------------------------
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_printed_call_reaches_the_upstream_unchanged_and_is_answered_and_billed(caller: Caller, row: Row) -> None:
    asked = ask(caller, row)
    check_received(asked)
    if asked.response.headers["content-type"].startswith("text/event-stream"):
        check_stream(asked)
    else:
        check_reply(asked)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
@pytest.mark.parametrize("row", [row for row in ROWS if row.document == "paratera"], ids=str)
def test_paratera_prints_its_path_with_and_without_v1(caller: Caller, row: Row, path: str) -> None:
    check_received(ask(caller, row, path))


def check_received(asked: Asked) -> None:
    """Path, key and every parameter as documented; of a stream the usage is asked for."""
    row, printed = asked.row, asked.row.printed
    assert asked.received.path == printed.path
    sent = asked.received.headers.get("authorization", "")
    assert sent.startswith("Bearer ") == printed.authorization.startswith("Bearer")
    assert bool(sent) == bool(printed.authorization)
    expected = {**json.loads(body_of(printed, asked.model)), "model": f"{asked.model}{row.switches}"}
    if expected.get("stream"):
        expected["stream_options"] = {"include_usage": True}
    assert orjson.dumps(asked.received.json, option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        expected, option=orjson.OPT_SORT_KEYS
    )


def check_reply(asked: Asked) -> None:
    body = asked.response.json()
    assert documented_fields(asked.row) <= set(paths_in(body))
    used = body["usage"]
    prompt = used.get("prompt_tokens") or used.get("input_tokens") or used["total_tokens"]
    check_bill(asked, prompt, used.get("completion_tokens") or used.get("output_tokens") or 0)
    record = asked.caller.record()
    assert asked.response.headers["x-request-cost"] == nano_to_yuan(record.cost_nano)
    assert asked.response.headers["x-account-balance"] == nano_to_yuan(asked.caller.balance_nano)


def documented_fields(row: Row) -> set[str]:
    """Of the reply that the document prints beside this call, if it does."""
    beside = re.sub(r"\b(curl|body)$", "reply", row.sample)
    if beside == row.sample or beside not in samples(row.document):
        return set()
    return {name for name in paths_in(json.loads(reply_of(row.document, beside))) if not UNSAID.match(name)}


def check_stream(asked: Asked) -> None:
    events = Events(asked.response)
    assert events.is_done
    assert events.text == "w1 w2 w3 w4 w5 w6 w7 w8 "
    for event in events.json:
        assert {"id", "object", "created", "model", "choices"} <= event.keys()
    thought = [event["choices"][0]["delta"].get("reasoning_content") or "" for event in events.json]
    reasoning = 2 if "reasoning" in asked.row.switches else 0
    assert "".join(thought) == "r1 r2 " * bool(reasoning)
    record = asked.caller.record()
    check_bill(asked, record.prompt_tokens, 8 + reasoning)
    assert events.money[0] == nano_to_yuan(record.cost_nano)


def check_bill(asked: Asked, prompt_tokens: int, completion_tokens: int) -> None:
    record = asked.caller.record()
    assert (record.outcome, record.usage_source) == ("success", "upstream")
    assert prompt_tokens > 0
    assert record.cost_nano == prompt_tokens * INPUT + completion_tokens * OUTPUT
    assert asked.caller.balance_nano == 1000 * 10**9 - record.cost_nano


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_tokens": 1500, "temperature": 0, "top_p": 1.0, "seed": 2**64 - 1, "presence_penalty": -2.0},
        {"temperature": 1.9999, "top_p": 0.0001, "seed": 0, "presence_penalty": 2.0, "stop": "你好"},
        {"stop": ["你好", "再见"], "enable_search": True},
        {"stop": [108386, 104307], "enable_search": False},
        {"max_tokens": None, "temperature": None, "seed": None, "stop": None},
    ],
)
def test_wcodes_whole_table_of_parameters_passes_unchanged_to_its_borders(caller: Caller, parameters: Any) -> None:
    row = Row("wcode", "example 1 curl", profile="qwen")
    key = imported(caller, row, row.printed.path, "qwen-plus")
    body = {"model": "qwen-plus", "messages": row.printed.json["messages"], **parameters}
    assert caller.post("/v1/chat/completions", body).status_code == 200
    assert orjson.loads(received_with(caller, key, "qwen-plus").body) == body


def test_a_prompt_beside_messages_is_counted_into_the_hold(caller: Caller, chat_model: str) -> None:
    """ChatGLM4-9B's sample has both."""
    both = {**request_of("common_maas", "ChatGLM4-9B body").json, "model": chat_model}
    alone = {name: value for name, value in both.items() if name != "prompt"}
    counted = [caller.post("/v1/estimate", body).json()["prompt_tokens"] for body in (both, alone)]
    assert counted[0] - counted[1] >= len(both["prompt"]) // 2


# --- samples in other languages ----------------------------------------------------------------------
PYTHON = {
    ("paratera", "python.py"): Row("paratera", "curl"),
    ("paratera", "qwen3 python.py"): Row("paratera", "qwen3 curl", switches=";reasoning=2;stream_only"),
    ("wcode", "python.py"): Row("wcode", "quick start curl", profile="qwen"),
}
HOSTS_AND_KEYS = {
    "https://wcode.net/api/gpt": "URL",
    "https://$BASE_URL": "URL",
    "申请到的key": "KEY",
    "API_KEY": "KEY",
}


@pytest.mark.parametrize(("document", "sample"), PYTHON)
def test_the_python_samples_run(caller: Caller, document: str, sample: str) -> None:
    row = PYTHON[document, sample]
    key = imported(caller, row, row.printed.path, row.printed.json["model"])
    code = samples(document)[sample]
    for printed, meant in HOSTS_AND_KEYS.items():
        code = code.replace(printed, {"URL": caller.desk.url, "KEY": caller.secret}[meant])
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "PYTHONUTF8": "1"}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "w1 w2 w3 w4 w5 w6 w7 w8 " in said
    if "reasoning" in row.switches:
        assert said.index("思考过程") < said.index("r1 r2 ") < said.index("完整回复") < said.index("w1 ")
    record = caller.record()
    assert record.cost_nano == record.prompt_tokens * INPUT + record.completion_tokens * OUTPUT > 0
    model = f"{row.printed.json['model']}{row.switches}"
    assert received_with(caller, key, model).path == row.printed.path


SCRIPTED = {"stream": False, "max_tokens": 512, "temperature": 0.6}


@pytest.mark.parametrize(
    ("sample", "content"), [("go.go", "Hello World"), ("java.java", "Hello World"), ("node.js", "Hello world")]
)
def test_what_the_go_java_and_node_samples_send_is_passed_on(caller: Caller, sample: str, content: str) -> None:
    """No string holds their body: it is written out here, and each of its parts stands in the sample."""
    row, code = Row("paratera", "curl"), samples("paratera")[sample]
    assert all(re.search(rf"{name}\W+{str(value).lower()}\b", code) for name, value in SCRIPTED.items())
    assert content in code
    name = row.printed.json["model"]
    key = imported(caller, row, row.printed.path, name)
    body = {"model": name, "messages": [{"role": "user", "content": content}], **SCRIPTED}
    assert caller.post("/v1/chat/completions", body).status_code == 200
    assert received_with(caller, key, name).json == body


# --- samples that a row cannot be --------------------------------------------------------------------
def test_the_sample_with_a_trailing_comma_is_told_where_and_answered_without_it(caller: Caller) -> None:
    row = Row("common_maas", "MiniCPM-V body")
    key = imported(caller, row, row.printed.path, "MiniCPM-V")
    refused = caller.desk.http.post("/v1/chat/completions", content=row.printed.body, headers=caller.headers)
    assert refused.status_code == 400
    assert "trailing comma is not allowed at line 16, column 18 " in refused.json()["error"]["message"]
    mended = json.loads(row.printed.body.replace(b"false,", b"false"))
    answer = caller.post("/v1/chat/completions", mended)
    assert answer.status_code == 200
    assert received_with(caller, key, "MiniCPM-V").json == mended
    assert caller.record(answer.headers["x-request-id"]).cost_nano > 0


def test_a_film_by_its_address_is_asked_and_answered_in_the_native_shape(caller: Caller) -> None:
    """Under the profile of its document it goes on as printed."""
    row = Row("wcode", "example 4 curl", profile="qwen")
    key = imported(caller, row, row.printed.path, "qwen-vl-max-latest")
    answer = caller.desk.http.post("/v1/chat/completions", content=row.printed.body, headers=caller.headers)
    body = answer.json()
    printed = set(paths_in(json.loads(reply_of("wcode", "example 4 reply"))))
    assert printed <= set(paths_in(body))
    received = received_with(caller, key, "qwen-vl-max-latest")
    assert (received.path, received.json) == (row.printed.path, row.printed.json)
    used = body["usage"]
    assert caller.record().cost_nano == used["input_tokens"] * INPUT + used["output_tokens"] * OUTPUT


def test_yuanjings_rerank_is_asked_in_ours_and_reaches_it_as_printed(caller: Caller) -> None:
    """The printed body names no model: callers speak our one shape, and the upstream receives the printed one."""
    printed = request_of("model_management", "rerank yuanjing curl")
    key = f"key-of-{caller.user.pk}"
    endpoint = {"inference_url": f"{caller.desk.simulator.url}{printed.path}", "model": "", "api_key": key}
    model = caller.desk.model([endpoint], kind="rerank", vendor="yuanjing")
    asked = printed.json
    answer = caller.post("/v1/rerank", {"model": model, "query": asked["query"], "documents": asked["texts"]})
    received = received_with(caller, key, "")
    assert (received.path, received.json) == (printed.path, asked)
    assert received.headers["authorization"] == f"Bearer {key}"
    scores = [result["relevance_score"] for result in answer.json()["results"]]
    assert scores == sorted(scores, reverse=True)
    record = caller.record()
    assert (record.usage_source, record.cost_nano) == ("counted", record.prompt_tokens * INPUT)


def test_yuanjings_ocr_takes_the_printed_form(caller: Caller) -> None:
    printed = request_of("model_management", "ocr yuanjing curl")
    assert printed.form == ("file",)
    key = f"key-of-{caller.user.pk}"
    endpoint = {"inference_url": f"{caller.desk.simulator.url}{printed.path}", "api_key": key}
    model = caller.desk.model([endpoint], kind="ocr", vendor="yuanjing", price={"per_page": "0.01"})
    files = {printed.form[0]: ("a.png", PROBE_PNG, "image/png")}
    answer = caller.desk.http.post("/v1/ocr", data={"model": model}, files=files, headers=caller.headers)
    assert answer.json()["text"] == "page 1 of a.png"
    received = received_with(caller, key, "")
    assert received.path == printed.path
    assert received.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert PROBE_PNG in received.body
    assert b'name="file"; filename="a.png"' in received.body
    assert caller.record().cost_nano == PAGE
