"""Embeddings, rerank and OCR over HTTP."""

import base64
import gzip
import json
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gateway_desk import Caller, Desk, raw_call, wait_until
from gateway_servers import RawUpstream, http

from inference import netguard
from inference.gateway import reading

PICTURE = b"\x89PNG\r\n\x1a\n a picture"
DATA_URL = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"


# --- embeddings --------------------------------------------------------------------------------------
def floats(packed: str) -> list[float]:
    raw = base64.b64decode(packed)
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))


@pytest.mark.parametrize("upstream", ["m;dims=4", "m;dims=4;base64=ignored"])
def test_embeddings_come_in_the_form_that_was_asked_for(caller: Caller, upstream: str) -> None:
    model = caller.desk.model(upstream, kind="embedding", probe=True)
    asked = {"model": model, "input": ["hi", "there"]}
    plain = caller.post("/v1/embeddings", asked).json()
    packed = caller.post("/v1/embeddings", {**asked, "encoding_format": "base64"}).json()
    assert [row["index"] for row in plain["data"]] == [0, 1]
    for one, other in zip(plain["data"], packed["data"], strict=True):
        assert floats(other["embedding"]) == pytest.approx(one["embedding"], abs=1e-6)


def test_an_upstream_that_always_packs_is_unpacked(caller: Caller) -> None:
    packed = base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()
    body = f'{{"data": [{{"index": 0, "embedding": "{packed}"}}], "usage": {{"total_tokens": 7}}}}'.encode()
    with RawUpstream(http(body)) as upstream:
        model = caller.desk.model([{"inference_url": upstream.url, "model": "x"}], kind="embedding")
        data = caller.post("/v1/embeddings", {"model": model, "input": "hi"}).json()["data"]
    assert data[0]["embedding"] == [0.5, -1.0]
    assert caller.record().prompt_tokens == 7


@pytest.mark.parametrize(
    "embedding", ['"%%%"', '"abc"', '["a"]', "[]", '""', "null", "5", "[1e999]", "[[1.0]]", "[null]", "[1e300]"]
)
def test_a_broken_embedding_is_an_upstream_error(caller: Caller, embedding: str) -> None:
    body = f'{{"data": [{{"index": 0, "embedding": {embedding}}}]}}'.encode()
    with RawUpstream(http(body)) as upstream:
        model = caller.desk.model([{"inference_url": upstream.url, "model": "x"}], kind="embedding")
        for form in ("float", "base64"):
            asked = {"model": model, "input": "hi", "encoding_format": form}
            if form == "float" and embedding.startswith("[") and len(embedding) > 2:
                continue  # what has the form that was asked for passes as it is
            if form == "base64" and embedding.startswith('"') and len(embedding) > 2:
                continue
            response = caller.post("/v1/embeddings", asked)
            assert response.status_code == 502, response.text
            assert caller.record(response.headers["x-request-id"]).cost_nano == 0
    caller.holds_nothing()


@pytest.mark.parametrize(("asked", "rows"), [(["a", "b"], 1), ("a", 2), ([1, 2, 3], 3), ([[1], [2, 3]], 1)])
def test_as_many_embeddings_must_come_as_were_asked_for(caller: Caller, asked: Any, rows: int) -> None:
    row = '{"embedding": [0.5]}'
    with RawUpstream(http(f'{{"data": [{", ".join([row] * rows)}]}}'.encode())) as upstream:
        model = caller.desk.model([{"inference_url": upstream.url, "model": "x"}], kind="embedding")
        response = caller.post("/v1/embeddings", {"model": model, "input": asked})
    assert response.status_code == 502, response.text
    assert f"{rows} embeddings came back" in response.json()["error"]["message"]
    assert caller.record(response.headers["x-request-id"]).cost_nano == 0


def test_dimensions_and_token_ids_pass(caller: Caller) -> None:
    model = caller.desk.model("m", kind="embedding")
    reply = caller.post("/v1/embeddings", {"model": model, "input": [1, 2, 3], "dimensions": 5}).json()
    assert len(reply["data"][0]["embedding"]) == 5


def test_embeddings_cost_their_input(caller: Caller) -> None:
    model = caller.desk.model("m;prompt=1000", kind="embedding", price={"input": "0.5", "output": "9"})
    response = caller.post("/v1/embeddings", {"model": model, "input": "hi"})
    assert response.headers["x-request-cost"] == "0.000500000"
    record = caller.record()
    assert (record.operation, record.prompt_tokens, record.completion_tokens) == ("embeddings", 1000, 0)


def test_embeddings_without_usage_are_counted(caller: Caller) -> None:
    model = caller.desk.model("m;usage=none", kind="embedding")
    caller.post("/v1/embeddings", {"model": model, "input": ["0123456789", "0123456789"]})
    record = caller.record()
    assert (record.prompt_tokens, record.usage_source) == (6, "counted")


# --- rerank ------------------------------------------------------------------------------------------
DOCUMENTS = ["完全无关", "苹果是一种水果", "苹果"]


def endpoint_of(caller: Caller, vendor: str, switches: str = "") -> dict[str, Any]:
    path = "/openapi/bge/v1" if vendor == "yuanjing" else "/v1"
    url = f"{caller.desk.simulator.url}/sim;{switches or 'pages=1'}{path}"
    return {"vendor": vendor, "inference_url": url, "model": "r"}


@pytest.mark.parametrize("vendor", ["yuanjing", "openai_compatible"])
@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/v2/rerank"])
def test_rerank_answers_in_one_shape_whatever_the_vendor(caller: Caller, vendor: str, path: str) -> None:
    model = caller.desk.model([endpoint_of(caller, vendor)], kind="rerank", probe=True)
    response = caller.post(path, {"model": model, "query": "苹果", "documents": DOCUMENTS})
    reply = response.json()
    assert set(reply) == {"id", "model", "results", "usage"}
    assert reply["model"] == model
    scores = [row["relevance_score"] for row in reply["results"]]
    assert scores == sorted(scores, reverse=True)
    assert reply["results"][0]["index"] == 2
    assert all("document" not in row for row in reply["results"])
    assert reply["usage"]["total_tokens"] > 0
    assert caller.record().usage_source == ("counted" if vendor == "yuanjing" else "upstream")


@pytest.mark.parametrize("vendor", ["yuanjing", "openai_compatible"])
def test_top_n_is_cut_by_us_and_documents_are_returned_on_request(caller: Caller, vendor: str) -> None:
    model = caller.desk.model([endpoint_of(caller, vendor, "top_n=ignored")], kind="rerank")
    documents = [*DOCUMENTS, {"text": "苹果派", "title": "x"}]
    asked = {"model": model, "query": "苹果", "documents": documents, "top_n": 2, "return_documents": True}
    results = caller.post("/v1/rerank", asked).json()["results"]
    assert len(results) == 2
    for row in results:
        given = documents[row["index"]]
        assert row["document"] == {"text": given["text"] if isinstance(given, dict) else given}


def test_the_vendors_scores_are_unchanged(caller: Caller) -> None:
    body = b'{"results": [{"index": 0, "relevance_score": -7.25}, {"index": 1, "relevance_score": 1e-7}], "meta": null}'
    with RawUpstream(http(body)) as upstream:
        model = caller.desk.model([{"inference_url": upstream.url, "model": "x"}], kind="rerank")
        reply = caller.post("/v1/rerank", {"model": model, "query": "q", "documents": ["a", "b"]}).json()
    assert [(row["index"], row["relevance_score"]) for row in reply["results"]] == [(1, 1e-7), (0, -7.25)]


@pytest.mark.parametrize(
    "body",
    [
        '{"results": [{"index": 9, "relevance_score": 1}]}',
        '{"results": [{"index": -1, "relevance_score": 1}]}',
        '{"results": [{"index": 0}]}',
        '{"results": [5]}',
        '{"results": 5}',
        '{"results": [{"index": 0, "relevance_score": "1"}]}',
    ],
)
def test_results_that_make_no_sense_are_an_upstream_error(caller: Caller, body: str) -> None:
    with RawUpstream(http(body.encode())) as upstream:
        model = caller.desk.model([{"inference_url": upstream.url, "model": "x"}], kind="rerank")
        response = caller.post("/v1/rerank", {"model": model, "query": "q", "documents": ["a", "b"]})
    assert response.status_code == 502
    caller.holds_nothing()


# --- OCR ---------------------------------------------------------------------------------------------
def ocr_model(caller: Caller, switches: str = "pages=1", **fields: Any) -> str:
    url = f"{caller.desk.simulator.url}/sim;{switches}/openapi/v1"
    endpoint = {"vendor": "yuanjing", "inference_url": url}
    return caller.desk.model([endpoint], kind="ocr", price={"per_page": "0.01"}, **fields)


def test_a_picture_as_a_form_is_read_and_paid_by_the_page(caller: Caller) -> None:
    model = ocr_model(caller, "pages=3", probe=True)
    files = {"file": ("scan.png", PICTURE, "image/png")}
    response = caller.desk.http.post("/v1/ocr", data={"model": model}, files=files, headers=caller.headers)
    reply = response.json()
    assert (reply["object"], reply["model"]) == ("ocr", model)
    assert reply["usage"] == {"pages": 3}
    assert [page["index"] for page in reply["pages"]] == [0, 1, 2]
    assert reply["pages"][0]["lines"] == [{"text": "page 1 of scan.png"}]
    assert reply["text"].splitlines()[2] == "page 3 of scan.png"
    assert reply["raw"]["time_cost"] == 0.12
    assert response.headers["x-request-cost"] == "0.030000000"
    assert caller.record().pages == 3


def test_a_picture_as_a_data_url_is_read(caller: Caller) -> None:
    model = ocr_model(caller)
    reply = caller.post("/ocr", {"model": model, "image": DATA_URL}).json()
    assert reply["text"] == "page 1 of image.png"
    assert any(PICTURE in one.body for one in caller.desk.simulator.requests)


def test_an_ocr_reply_of_an_unknown_shape_passes_as_raw(caller: Caller) -> None:
    model = ocr_model(caller, "ocr=unknown")
    reply = caller.post("/v1/ocr", {"model": model, "image": DATA_URL}).json()
    assert (reply["pages"], reply["text"], reply["usage"]) == ([], "", {"pages": 1})
    assert reply["raw"]["result"]["blocks"]
    assert caller.record().cost_nano == 10_000_000


def test_a_picture_is_fetched_by_url(caller: Caller) -> None:
    model = ocr_model(caller)
    with RawUpstream(http(PICTURE, "image/jpeg")) as server:
        reply = caller.post("/v1/ocr", {"model": model, "image": f"{server.url}/a.jpg"}).json()
    assert reply["text"] == "page 1 of image.jpg"
    assert caller.secret.encode() not in server.requests[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http(b"", status="404 Not Found"), "'image' could not be fetched."),
        (http(b"", status="302 Found", extra="Location: http://127.0.0.1/\r\n"), "'image' could not be fetched."),
        (http(b"x" * 1_100_000, "image/png"), "'image' is larger than 1 MB."),
        (http(b"{}"), "'image' is neither a picture nor a PDF: its server gives it another content type."),
        (http(b"", "image/png"), "'image' is empty."),
        (b"garbage\r\n\r\n", "'image' could not be fetched."),
        (b"", "'image' could not be fetched."),
        (http(gzip.compress(PICTURE), "image/png", extra="Content-Encoding: gzip\r\n"), "could not be fetched."),
        (
            http(gzip.compress(gzip.compress(bytes(10**6))), "image/png", extra="Content-Encoding: gzip, gzip\r\n"),
            "'image' could not be fetched.",
        ),
    ],
)
def test_a_picture_that_cannot_be_fetched_is_the_callers_mistake(caller: Caller, answer: bytes, words: str) -> None:
    model = ocr_model(caller)
    with RawUpstream(answer) as server:
        response = caller.post("/v1/ocr", {"model": model, "image": f"{server.url}/a.png"})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "image"
    assert response.json()["error"]["message"].endswith(words)
    assert b"accept-encoding: identity" in server.requests[0].lower()
    record = caller.record()
    assert (record.outcome, record.held_nano, record.cost_nano) == ("failed", 10_000_000, 0)
    caller.holds_nothing()


@pytest.mark.parametrize(
    "content_type", ["image/webp", "IMAGE/PNG; q=1", "application/pdf", "application/octet-stream"]
)
def test_pictures_and_pdfs_are_taken_from_a_url(caller: Caller, content_type: str) -> None:
    model = ocr_model(caller)
    with RawUpstream(http(PICTURE, content_type)) as server:
        assert caller.post("/v1/ocr", {"model": model, "image": f"{server.url}/a"}).status_code == 200


def test_a_picture_is_not_fetched_for_a_call_that_is_refused(desk: Desk, caller: Caller) -> None:
    model, poor = ocr_model(caller), desk.caller(0)
    limited = ocr_model(caller, limits={"rpm": 1})
    assert caller.post("/v1/ocr", {"model": limited, "image": DATA_URL}).status_code == 200
    with RawUpstream(http(PICTURE, "image/png")) as server:
        asked = {"model": model, "image": f"{server.url}/a.png"}
        assert caller.post("/v1/ocr", {**asked, "model": "nothing"}).status_code == 404
        assert caller.post("/v1/ocr", asked, X_Max_Cost="0.001").status_code == 402
        assert caller.post("/v1/ocr", {**asked, "model": limited}).status_code == 429
        assert poor.post("/v1/ocr", asked).status_code == 402
    assert not server.requests


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def test_who_leaves_while_the_picture_is_fetched_pays_nothing(caller: Caller) -> None:
    model = ocr_model(caller)
    with RawUpstream(silent) as server:
        body = json.dumps({"model": model, "image": f"{server.url}/a.png"}).encode()
        head = f"POST /v1/ocr HTTP/1.1\nHost: test\nAuthorization: Bearer {caller.secret}\n"
        with raw_call(caller.desk.url, f"{head}Content-Length: {len(body)}\n", body):
            wait_until(lambda: server.requests)
        record = caller.record()
    assert (record.outcome, record.cost_nano) == ("client_closed", 0)
    caller.holds_nothing()


def test_the_total_time_ends_the_fetching_of_a_picture(hasty_desk: Desk) -> None:
    caller = hasty_desk.caller()
    model = ocr_model(caller)
    with RawUpstream(silent) as server:
        began = time.monotonic()
        response = caller.post("/v1/ocr", {"model": model, "image": f"{server.url}/a.png"})
    assert (response.status_code, response.json()["error"]["code"]) == (504, "upstream_timeout")
    assert time.monotonic() - began < 3
    caller.holds_nothing()


def test_one_deadline_bounds_a_fetch_also_the_resolving_of_the_name(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, done = socket.getaddrinfo, threading.Event()

    def slow(host: Any, *arguments: Any, **named: Any) -> Any:
        if host == "slow.example":
            done.wait(10)
        return resolve(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(reading, "WORKSPACE_FETCHES_MAX", 1)
    model = ocr_model(caller)
    with monkeypatch.context() as hasty:
        hasty.setattr(reading, "TOTAL_S", 0.3)
        began = time.monotonic()
        response = caller.post("/v1/ocr", {"model": model, "image": "http://slow.example/a.png"})
        assert time.monotonic() - began < 3
    assert response.json()["error"]["message"] == "'image' could not be fetched."
    with RawUpstream(http(PICTURE, "image/png")) as server:  # the fetch's thread and turn are free again
        assert caller.post("/v1/ocr", {"model": model, "image": f"{server.url}/a"}).status_code == 200
    assert time.monotonic() - began < 6
    done.set()


def test_a_workspace_has_four_fetches_at_a_time(caller: Caller) -> None:
    model, leave = ocr_model(caller), threading.Event()

    def late(connection: socket.socket) -> None:
        leave.wait(12)
        connection.sendall(http(PICTURE, "image/png"))

    with RawUpstream(late) as server, ThreadPoolExecutor(6) as pool:
        asked = {"model": model, "image": f"{server.url}/a.png"}
        replies = [pool.submit(caller.post, "/v1/ocr", asked) for _ in range(6)]
        wait_until(lambda: caller.holds == 6 and len(server.requests) >= 4, 8)
        time.sleep(0.1)
        assert len(server.requests) == 4
        leave.set()
        assert [reply.result().status_code for reply in replies] == [200] * 6
        assert len(server.requests) == 6


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "127.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_a_picture_at_a_private_address_is_refused(caller: Caller, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ocr_model(caller)
    monkeypatch.setattr(netguard, "allowed_networks", tuple)
    with RawUpstream(http(PICTURE, "image/png")) as server:
        port = server.url.rsplit(":", 1)[1]
        response = caller.post("/v1/ocr", {"model": model, "image": f"http://{host}:{port}/a.png"})
        assert not server.requests
    assert response.status_code == 400
    assert "could not be fetched" in response.text


@pytest.mark.parametrize(
    "fields", [{"file": "text"}, {"file": 5}, {"file": ["a"]}, {"content_type": "x", "filename": "y", "file": "z"}]
)
def test_a_file_that_is_no_upload_is_refused(caller: Caller, fields: dict[str, Any]) -> None:
    model = ocr_model(caller)
    assert caller.post("/v1/ocr", {"model": model, **fields}).status_code == 400
    form = {"model": (None, model), "file": (None, "text, not a file")}
    assert caller.desk.http.post("/v1/ocr", files=form, headers=caller.headers).status_code == 400
    caller.holds_nothing()


def test_no_header_can_be_smuggled_into_the_upstreams_form(caller: Caller) -> None:
    model = ocr_model(caller)
    evil = DATA_URL.replace("image/png", "image/png\r\nX-Smuggled: 1\r\n\r\nbody")
    assert caller.post("/v1/ocr", {"model": model, "image": evil}).status_code == 200
    files = {"file": ('a"\r\nX-Smuggled: 1\r\n.png', PICTURE)}
    caller.desk.http.post("/v1/ocr", data={"model": model}, files=files, headers=caller.headers)
    for one in caller.desk.simulator.requests:
        assert b"\r\nX-Smuggled" not in one.body


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\nnonsense"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n' * 500),
        ("multipart/form-data; boundary=" + "b" * 5000, b"--b"),
    ],
)
def test_a_broken_form_is_a_bad_request(caller: Caller, content_type: str, body: bytes) -> None:
    headers = {**caller.headers, "Content-Type": content_type}
    assert caller.desk.http.post("/v1/ocr", content=body, headers=headers).status_code == 400


def test_the_pages_of_a_pdf_are_held_for(caller: Caller) -> None:
    model = ocr_model(caller, "pages=2")
    pdf = b"%PDF-1.4\n<</Type /Page\n>><</Type/Page/Parent>>"
    files = {"file": ("a.pdf", pdf, "application/pdf")}
    caller.desk.http.post("/v1/ocr", data={"model": model}, files=files, headers=caller.headers)
    record = caller.record()
    assert (record.held_nano, record.cost_nano) == (20_000_000, 20_000_000)
