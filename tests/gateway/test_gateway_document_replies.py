"""Every reply the five source documents print, said by an upstream byte for byte: what callers see, and the bill."""

import json
from typing import Any, NamedTuple

import httpx
import orjson
import pytest
from gateway_desk import CHAT, QUESTION, Caller, Events
from gateway_servers import RawUpstream, events, http
from printed import DOCUMENTS, reply_of, request_of, samples

from accounts.money import nano_to_yuan
from models_registry.vendors.probe_image import PROBE_PNG

INPUT, OUTPUT, PAGE = 2_000, 8_000, 10_000_000  # nano-yuan
PATHS = {"llm": CHAT, "embedding": "/v1/embeddings", "rerank": "/v1/rerank"}


class Row(NamedTuple):
    """A reply and the tokens it must be billed by."""

    document: str
    sample: str
    prompt_tokens: int
    completion_tokens: int = 0
    vendor: str = "openai_compatible"
    kind: str = "llm"

    def __str__(self) -> str:
        return f"{self.document}-{self.sample}".replace(" ", "_")


UNCHANGED = [
    Row("paratera", "reply", 10, 20),
    Row("wcode", "example 1 reply", 20, 8),
    Row("wcode", "example 1.1 reply", 41, 132),
    Row("wcode", "example 3 reply", 896, 44),
    Row("wcode", "example 5 reply", 1466, 278),
    Row("model_management", "llm openai_compatible reply", 73, 179),
    Row("model_management", "llm yuanjing reply", 6, 378, "yuanjing"),
    Row("model_management", "llm ollama reply", 5, 40, "ollama"),
    Row("model_management", "llm dashscope reply", 9, 292, "dashscope"),
    Row("model_management", "llm ark reply", 85, 119, "ark"),
    Row("model_management", "embedding openai_compatible reply", 18, kind="embedding"),
    Row("model_management", "embedding yuanjing reply", 3, vendor="yuanjing", kind="embedding"),
    Row("model_management", "embedding ollama reply", 5, vendor="ollama", kind="embedding"),
    Row("model_management", "embedding dashscope reply", 2, vendor="dashscope", kind="embedding"),
]
CHUNKS = {
    "llm openai_compatible chunk": "openai_compatible",
    "llm yuanjing chunk": "yuanjing",
    "llm ollama chunk": "ollama",
    "llm dashscope chunk": "dashscope",
    "llm ark chunk": "ark",
}
ALONE = {
    ("paratera", "stream"),
    ("wcode", "example 2 stream"),
    ("wcode", "example 4 reply"),
    ("wcode", "error reply"),
    ("yunwang", "chat reply"),
    ("yunwang", "embedding reply"),
    ("yunwang", "rerank reply"),
    ("model_management", "rerank openai_compatible reply"),
    ("model_management", "rerank yuanjing reply"),
    ("model_management", "rerank dashscope reply"),
    ("model_management", "ocr yuanjing reply"),
}


def test_every_reply_the_documents_print_is_fed_in() -> None:
    printed = {(document, name) for document in DOCUMENTS for name in samples(document)}
    replies = {
        one for one in printed if one[1].endswith(("reply", "chunk")) or one[1] in ("stream", "example 2 stream")
    }
    chunks = {("model_management", name) for name in CHUNKS}
    assert {(row.document, row.sample) for row in UNCHANGED} | chunks | ALONE == replies


def said(
    caller: Caller, answer: bytes, body: Any, *, vendor: str = "openai_compatible", kind: str = "llm", **fields: str
) -> Any:
    """The gateway's answer to `body` where the upstream answers with these bytes."""
    with RawUpstream(answer) as upstream:
        endpoint = {"inference_url": f"{upstream.url}/v1", "model": "printed", **fields}
        model = caller.desk.model([endpoint], kind=kind, vendor=vendor)
        return caller.post(PATHS[kind], {"model": model, **body})


def asked(kind: str) -> dict[str, Any]:
    return {"messages": QUESTION} if kind == "llm" else {"input": "你好"}


def billed(caller: Caller, prompt_tokens: int, completion_tokens: int, source: str = "upstream") -> None:
    record = caller.record()
    assert (record.usage_source, record.prompt_tokens, record.completion_tokens) == (
        source,
        prompt_tokens,
        completion_tokens,
    )
    assert record.cost_nano == prompt_tokens * INPUT + completion_tokens * OUTPUT


# --- whole replies -----------------------------------------------------------------------------------
@pytest.mark.parametrize("row", UNCHANGED, ids=str)
def test_a_printed_reply_passes_byte_for_byte_and_is_billed_by_its_usage(caller: Caller, row: Row) -> None:
    printed = reply_of(row.document, row.sample)
    answer = said(caller, http(printed), asked(row.kind), vendor=row.vendor, kind=row.kind)
    assert (answer.status_code, answer.content) == (200, printed)
    billed(caller, row.prompt_tokens, row.completion_tokens)


def test_yunwangs_times_pass_and_its_zeros_of_usage_are_counted(caller: Caller) -> None:
    """Its sample says `prefill_time` and `decode_time_arr`, and 0 where numbers would stand."""
    printed = reply_of("yunwang", "chat reply")
    answer = said(caller, http(printed), asked("llm"))
    assert answer.content == printed
    assert answer.json()["decode_time_arr"] == [0]
    billed(caller, 10, 2, "counted")  # "string", six letters


def test_yunwangs_embedding_without_usage_is_counted(caller: Caller) -> None:
    printed = reply_of("yunwang", "embedding reply")
    answer = said(caller, http(printed), asked("embedding"), kind="embedding")
    assert answer.content == printed
    billed(caller, 2, 0, "counted")


@pytest.mark.parametrize(
    ("sample", "vendor", "thought", "answer"),
    [
        ("llm yuanjing reply", "yuanjing", "\n嗯，用户问了一个", "\n你好呀！我是"),
        ("llm ollama reply", "ollama", "", "您好！我是由中国的"),
    ],
)
def test_the_printed_thinking_is_lifted_out_of_the_content(
    caller: Caller, sample: str, vendor: str, thought: str, answer: str
) -> None:
    body = said(caller, http(reply_of("model_management", sample)), asked("llm"), vendor=vendor, thinking="lift").json()
    message = body["choices"][0]["message"]
    assert "think>" not in str(message)
    assert (message.get("reasoning_content") or "").strip().startswith(thought.strip())
    assert bool((message.get("reasoning_content") or "").strip()) == bool(thought)
    assert message["content"].strip().startswith(answer.strip())


FILM = {"type": "video_url", "video_url": {"url": "https://example.com/film.mp4"}}


def test_wcodes_answer_to_a_film_comes_in_the_callers_shape_and_its_input_is_billed_once(caller: Caller) -> None:
    """Example 4 prints `output.choices`; `video_tokens` are a part of `input_tokens`."""
    printed = json.loads(reply_of("wcode", "example 4 reply"))
    call = request_of("wcode", "example 4 curl").json
    native = said(caller, http(orjson.dumps(printed)), {"input": call["input"]}, parameter_profile="qwen")
    (choice,), (ours,) = printed["output"]["choices"], native.json()["output"]["choices"]
    assert ours == {"index": 0, **choice}
    assert printed["usage"].items() <= native.json()["usage"].items()
    assert native.json()["request_id"] == native.headers["x-request-id"]
    billed(caller, 5207, 110)
    messages = [{"role": "user", "content": [FILM]}]
    canonical = said(caller, http(orjson.dumps(printed)), {"messages": messages}, parameter_profile="qwen").json()
    (text,) = [part["text"] for part in choice["message"]["content"]]
    assert canonical["choices"] == [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    ]
    assert (canonical["object"], canonical["id"]) == ("chat.completion", printed["request_id"])
    assert (canonical["usage"]["prompt_tokens"], canonical["usage"]["total_tokens"]) == (5207, 5317)


# --- streams -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("sample", CHUNKS)
def test_a_printed_chunk_passes_byte_for_byte(caller: Caller, sample: str) -> None:
    """`usage: null` and `logprobs: null` stay where they stand; what was said is counted, as no usage came."""
    chunk = orjson.dumps(json.loads(reply_of("model_management", sample))).decode()
    stream = events(chunk, "[DONE]")
    answer = said(caller, stream, {**asked("llm"), "stream": True}, vendor=CHUNKS[sample])
    told = Events(answer)
    assert told.data == [chunk, "[DONE]"]
    assert caller.record().usage_source == "counted"
    assert told.money[0] == answer.headers.get("x-request-cost", told.money[0])


def printed_events(document: str, sample: str) -> list[str]:
    return [line.removeprefix("data: ") for line in samples(document)[sample].splitlines() if line]


def test_parateras_stream_without_finish_and_usage_is_whole(caller: Caller) -> None:
    printed = printed_events("paratera", "stream")
    told = Events(said(caller, events(*printed), {**asked("llm"), "stream": True}))
    assert (told.data, told.text) == (printed, "部分内容更多内容")
    billed(caller, 10, 5, "counted")


@pytest.mark.parametrize("wanted", [True, False])
def test_wcodes_usage_chunk_is_billed_and_shown_to_who_asks(caller: Caller, wanted: bool) -> None:
    printed = printed_events("wcode", "example 2 stream")
    body = {**asked("llm"), "stream": True, "stream_options": {"include_usage": wanted}}
    told = Events(said(caller, events(*printed), body))
    assert told.text == "你好!有什么可以帮助你的吗?"
    assert told.data == [one for one in printed if wanted or '"choices":[]' not in one]
    billed(caller, 20, 7)


def test_the_log_probabilities_of_completions_pass_both_ways(caller: Caller) -> None:
    """常见模型 MaaS says of /v1/completions that it returns those of other tokens at each place."""
    logprobs = {
        "tokens": ["a"],
        "token_logprobs": [-0.5],
        "top_logprobs": [{"a": -0.5, "b": -1.25}],
        "text_offset": [0],
    }
    choice = {"index": 0, "text": "a", "logprobs": logprobs, "finish_reason": "stop"}
    reply = json.dumps(
        {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]}
    ).encode()
    with RawUpstream(http(reply)) as upstream:
        model = caller.desk.model([{"inference_url": f"{upstream.url}/v1", "model": "printed"}])
        answer = caller.post("/v1/completions", {"model": model, "prompt": "x", "logprobs": 2, "echo": True})
    assert answer.content == reply
    head, _, body = upstream.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/completions ")
    assert json.loads(body) == {"model": "printed", "prompt": "x", "logprobs": 2, "echo": True}


@pytest.mark.parametrize("streamed", [False, True])
def test_wcodes_balance_of_its_own_is_kept_from_callers(caller: Caller, streamed: bool) -> None:
    """Its header has the name of ours, and tells what the platform's own account at the vendor holds."""
    vendors = "X-Account-Balance: 123.0165\r\n"
    stream = events(*printed_events("wcode", "example 2 stream"))
    answer = (
        stream.replace(b"Connection:", f"{vendors}Connection:".encode(), 1)
        if streamed
        else (http(reply_of("wcode", "example 1 reply"), extra=vendors))
    )
    response = said(caller, answer, {**asked("llm"), "stream": streamed})
    assert "123.0165" not in str(response.headers)
    (told,) = response.headers.get_list("x-account-balance")
    if not streamed:
        assert told == nano_to_yuan(caller.balance_nano) == nano_to_yuan(1000 * 10**9 - 20 * INPUT - 8 * OUTPUT)


# --- rerank, in one shape ----------------------------------------------------------------------------
def reranked(caller: Caller, document: str, sample: str, vendor: str = "openai_compatible") -> tuple[Any, Any]:
    """The printed reply, and ours to the printed request: the same documents in our one shape."""
    call = request_of(document, f"{sample} curl").json
    given, parameters = call.get("input", call), call.get("parameters", call)
    options = {name: parameters[name] for name in ("top_n", "return_documents") if name in parameters}
    body = {"query": given["query"], "documents": given.get("documents") or given["texts"], **options}
    printed = reply_of(document, f"{sample} reply")
    answer = said(caller, http(printed), body, vendor=vendor, kind="rerank")
    assert answer.status_code == 200, answer.text
    return json.loads(printed), answer.json()


def test_a_compatible_rerank_is_cut_to_top_n_and_keeps_its_scores_and_usage(caller: Caller) -> None:
    """The document asks for two and prints three."""
    printed, ours = reranked(caller, "model_management", "rerank openai_compatible")
    assert ours["results"] == printed["results"][:2]
    assert ours["usage"] == printed["usage"]
    billed(caller, 42, 0)


def test_dashscopes_rerank_comes_in_our_shape(caller: Caller) -> None:
    printed, ours = reranked(caller, "model_management", "rerank dashscope", "dashscope")
    assert ours["results"] == printed["output"]["results"]
    assert (ours["id"], ours["usage"]) == (printed["request_id"], printed["usage"])
    billed(caller, 79, 0)


def test_yuanjings_bare_array_comes_in_our_shape_and_is_counted(caller: Caller) -> None:
    printed, ours = reranked(caller, "model_management", "rerank yuanjing", "yuanjing")
    assert ours["results"] == [{"index": row["index"], "relevance_score": row["score"]} for row in printed]
    record = caller.record()
    assert record.usage_source == "counted"
    assert ours["usage"] == {"prompt_tokens": record.prompt_tokens, "total_tokens": record.prompt_tokens}


def test_yunwangs_long_usage_passes_and_its_prompt_tokens_are_billed(caller: Caller) -> None:
    """Its `input_tokens: 0` is no count."""
    printed, ours = reranked(caller, "yunwang", "rerank")
    assert ours["results"] == printed["results"]
    assert ours["usage"] == printed["usage"]
    billed(caller, 51, 0)


# --- the rest ----------------------------------------------------------------------------------------
def test_the_ocr_reply_that_is_an_embedding_comes_back_raw_as_one_page(caller: Caller) -> None:
    printed = reply_of("model_management", "ocr yuanjing reply")
    with RawUpstream(http(printed)) as upstream:
        endpoint = {"inference_url": f"{upstream.url}/openapi/v1/unicom-ocr"}
        model = caller.desk.model([endpoint], kind="ocr", vendor="yuanjing", price={"per_page": "0.01"})
        files = {"file": ("a.png", PROBE_PNG, "image/png")}
        answer = caller.desk.http.post("/v1/ocr", data={"model": model}, files=files, headers=caller.headers)
    assert answer.json()["raw"] == json.loads(printed)
    assert caller.record().cost_nano == PAGE


def test_an_upstreams_printed_error_is_not_the_callers_key(caller: Caller) -> None:
    """wcode's answer to a wrong key: of the upstream's key, so a 502 in the same body, with a code of ours."""
    printed = reply_of("wcode", "error reply")
    answer = said(caller, http(printed, status="401 Unauthorized"), asked("llm"))
    assert answer.status_code == 502
    assert "Invalid API-KEY" not in answer.text
    same_error(answer, printed)
    assert caller.record().cost_nano == 0


def test_our_own_error_for_a_wrong_key_has_the_printed_fields(caller: Caller) -> None:
    headers = {"Authorization": "Bearer API_KEY"}
    answer = caller.desk.http.post(CHAT, json={"model": "x", **asked("llm")}, headers=headers)
    assert answer.status_code == 401
    printed = reply_of("wcode", "error reply")
    same_error(answer, printed)
    ours, theirs = answer.json()["error"], json.loads(printed)["error"]
    assert (ours["type"], ours["param"]) == (theirs["type"], theirs["param"])
    assert ours["code"] == "invalid_api_key", "the document says null, OpenAI this word"


def same_error(answer: httpx.Response, printed: bytes) -> None:
    assert answer.json()["error"].keys() == json.loads(printed)["error"].keys()
