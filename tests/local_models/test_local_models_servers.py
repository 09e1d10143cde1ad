"""The four servers for real. What the models say is not checked, only how they say it."""

import base64
import contextlib
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from io import BytesIO
from typing import IO

import httpx
import pytest

from local_models.catalog import LOCAL_MODELS

pytestmark = pytest.mark.slow

STOP_DEADLINE_S = 5
TIMEOUT_S = 60


def post(url: str, **request: object) -> httpx.Response:
    return httpx.post(url, timeout=TIMEOUT_S, **request)


def chat_body(**extra: object) -> dict[str, object]:
    messages = [{"role": "user", "content": "Say hello."}]
    return {"model": "smollm2-135m-instruct", "messages": messages, "max_tokens": 8, **extra}


def text_picture(*lines: str) -> bytes:
    image = pytest.importorskip("PIL.Image", reason="requirements-local-models.lock is not installed")
    from PIL import ImageDraw

    picture = image.new("RGB", (700, 90 * len(lines)), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((20, 20 + 90 * number), line, fill="black", font_size=48)
    content = BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


class TestLlm:
    def test_chat_answers_with_usage(self, llm_url):
        answer = post(f"{llm_url}/v1/chat/completions", json=chat_body()).json()
        assert answer["model"] == "smollm2-135m-instruct"
        assert answer["choices"][0]["message"]["role"] == "assistant"
        assert answer["choices"][0]["message"]["content"]
        usage = answer["usage"]
        assert 0 < usage["completion_tokens"] <= 8
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]

    def test_a_stream_ends_with_usage_and_done(self, llm_url):
        body = chat_body(stream=True, stream_options={"include_usage": True})
        answer = post(f"{llm_url}/v1/chat/completions", json=body)
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
        assert events[-1] == "[DONE]"
        chunks = [json.loads(event) for event in events[:-1]]
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"]["completion_tokens"] > 0

    def test_a_prompt_beyond_the_context_is_refused(self, llm_url):
        too_long = [{"role": "user", "content": "hello " * 3000}]
        answer = post(f"{llm_url}/v1/chat/completions", json=chat_body(messages=too_long))
        assert answer.status_code == 400

    def test_the_model_list_has_the_alias(self, llm_url):
        listed = httpx.get(f"{llm_url}/v1/models").json()["data"]
        assert [model["id"] for model in listed] == ["smollm2-135m-instruct"]


class TestEmbedding:
    def test_float_and_base64_are_the_same_vectors(self, embedding_url):
        body = {"model": "multilingual-e5-small", "input": ["你好，世界", "good morning"]}
        floats = post(f"{embedding_url}/v1/embeddings", json=body).json()
        packed = post(f"{embedding_url}/v1/embeddings", json={**body, "encoding_format": "base64"}).json()
        assert [row["index"] for row in floats["data"]] == [0, 1]
        for plain, encoded in zip(floats["data"], packed["data"], strict=True):
            unpacked = struct.unpack("<384f", base64.b64decode(encoded["embedding"]))
            assert plain["embedding"] == list(unpacked)

    def test_a_single_string_gets_one_unit_vector_and_real_token_counts(self, embedding_url):
        answer = post(f"{embedding_url}/v1/embeddings", json={"input": "你好"}).json()
        assert answer["object"] == "list"
        [row] = answer["data"]
        assert sum(value * value for value in row["embedding"]) == pytest.approx(1, abs=1e-3)
        assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 2

    @pytest.mark.parametrize("text", ["nul \0 inside", "lone \ud800 surrogate"])
    def test_odd_text_is_embedded(self, embedding_url, text):
        answer = post(f"{embedding_url}/v1/embeddings", content=json.dumps({"input": text}))
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"input": ""},
            {"input": []},
            {"input": [1, 2]},
            {"input": ["a"] * 65},
            {"input": "word " * 20_000},
            {"input": "a", "encoding_format": "hex"},
            {"input": "a", "dimensions": 7},
        ],
    )
    def test_bad_input_is_400_with_a_message(self, embedding_url, body):
        answer = post(f"{embedding_url}/v1/embeddings", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]

    def test_sixty_four_inputs_are_answered(self, embedding_url):
        answer = post(f"{embedding_url}/v1/embeddings", json={"input": ["a"] * 64})
        assert len(answer.json()["data"]) == 64


class TestRerank:
    QUERY = "今天天气怎么样"
    DOCUMENTS = ("股票市场大幅上涨", "北京今天晴，最高气温二十度", "红烧肉的做法")

    def rerank(self, url: str, **extra: object) -> httpx.Response:
        body = {"model": "e5-rerank", "query": self.QUERY, "documents": self.DOCUMENTS, **extra}
        return post(f"{url}/v1/rerank", json=body)

    def test_the_document_that_answers_comes_first(self, rerank_url):
        answer = self.rerank(rerank_url).json()
        assert answer["model"] == "e5-rerank"
        scores = [result["relevance_score"] for result in answer["results"]]
        assert answer["results"][0]["index"] == 1
        assert scores == sorted(scores, reverse=True)
        assert "document" not in answer["results"][0]
        assert answer["usage"]["total_tokens"] > 0

    def test_top_n_cuts_and_documents_come_back_when_asked(self, rerank_url):
        documents = [{"text": text} for text in self.DOCUMENTS]
        answer = self.rerank(rerank_url, documents=documents, top_n=1, return_documents=True).json()
        [result] = answer["results"]
        assert result["document"] == {"text": self.DOCUMENTS[1]}

    @pytest.mark.parametrize(
        "wrong",
        [
            {"query": ""},
            {"documents": []},
            {"documents": "text"},
            {"documents": [{"body": "x"}]},
            {"documents": ["a"] * 257},
            {"top_n": 0},
            {"top_n": True},
        ],
    )
    def test_bad_input_is_400(self, rerank_url, wrong):
        assert self.rerank(rerank_url, **wrong).status_code == 400


class TestOcr:
    def recognize(self, url: str, content: bytes) -> httpx.Response:
        return post(f"{url}/openapi/v1/unicom-ocr", files={"file": ("picture", content)})

    def test_the_lines_of_a_picture_come_in_reading_order(self, ocr_url):
        answer = self.recognize(ocr_url, text_picture("INVOICE 2025", "total amount")).json()
        assert (answer["code"], answer["message"]) == (0, "success")
        assert answer["time_cost"] > 0
        texts = [row["text"].replace(" ", "") for row in answer["data"]]
        assert texts == ["INVOICE2025", "totalamount"]

    def test_each_line_has_its_place_and_its_confidence(self, ocr_url):
        [row] = self.recognize(ocr_url, text_picture("Console")).json()["data"]
        assert row["page_num"] == [1]
        assert row["type"] == "text"
        assert row["length"] == len(row["text"])
        assert [len(corner) for corner in row["box"]] == [2, 2, 2, 2]
        assert 0.5 < row["confidence"] <= 1

    def test_a_blank_picture_has_no_lines(self, ocr_url):
        answer = self.recognize(ocr_url, text_picture(""))
        assert (answer.status_code, answer.json()["data"]) == (200, [])

    @pytest.mark.parametrize("content", [b"", b"plain words", b"%PDF-1.7\n"])
    def test_a_file_that_is_no_picture_is_400(self, ocr_url, content):
        answer = self.recognize(ocr_url, content)
        assert answer.status_code == 400
        assert answer.json() == {
            "code": 400,
            "message": "the file is not a picture this server reads",
            "data": [],
        }

    def test_a_picture_cut_short_is_400(self, ocr_url):
        whole = text_picture("Console")
        assert self.recognize(ocr_url, whole[: len(whole) // 2]).json()["message"] == "the picture is damaged"

    def test_a_form_without_the_file_is_400(self, ocr_url):
        answer = post(f"{ocr_url}/openapi/v1/unicom-ocr", files={"other": ("x", b"x")})
        assert answer.status_code == 400

    def test_a_broken_multipart_body_is_400(self, ocr_url):
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = post(f"{ocr_url}/openapi/v1/unicom-ocr", content=b"--x\r\nA\r\n\r\n", headers=headers)
        assert answer.status_code == 400

    def test_a_file_over_the_limit_is_413(self, ocr_url):
        assert self.recognize(ocr_url, b"0" * (21 << 20)).status_code == 413


class TestLifeOfAProcess:
    @pytest.mark.parametrize("slug", LOCAL_MODELS)
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
    def test_a_signal_ends_it_cleanly(self, start_server, slug, number):
        with start_server(slug) as (process, _):
            process.send_signal(number)
            assert process.wait(STOP_DEADLINE_S) == 0

    def test_a_running_generation_does_not_delay_the_end(self, start_server):
        with start_server("llm") as (process, url):
            body = chat_body(max_tokens=1500, ignore_eos=True)
            assert self.stop_while_busy(process, f"{url}/v1/chat/completions", body) == 0

    def test_a_long_model_call_does_not_delay_the_end(self, start_server):
        with start_server("embedding") as (process, url):
            body = {"input": "word " * 12_000}
            assert self.stop_while_busy(process, f"{url}/v1/embeddings", body) == 0

    def stop_while_busy(self, process: subprocess.Popen[bytes], url: str, body: dict[str, object]) -> int:
        def call() -> None:
            with contextlib.suppress(httpx.TransportError):
                post(url, json=body)

        caller = threading.Thread(target=call)
        caller.start()
        time.sleep(0.5)
        process.terminate()
        try:
            return process.wait(STOP_DEADLINE_S)
        finally:
            process.kill()
            caller.join()

    def test_it_ends_when_its_parent_is_killed(self, start_server):
        with start_server("embedding") as (process, url):
            child_command = process.args
        script = f"import subprocess; print(subprocess.Popen({child_command!r}).pid, flush=True); input()"
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as parent:
            child_pid = int(parent.stdout.readline())
            wait_until_up(f"{url}/healthz")
            parent.kill()
            assert_closes(parent.stdout, child_pid)


def wait_until_up(health_url: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            httpx.get(health_url).raise_for_status()
            return
        time.sleep(0.05)
    pytest.fail(f"{health_url} did not answer")


def assert_closes(pipe: IO[str], child_pid: int) -> None:
    """The child holds the inherited pipe until it ends; its pid stays taken until somebody reaps it."""
    ended, _, _ = select.select([pipe], [], [], STOP_DEADLINE_S)
    if not ended:
        os.kill(child_pid, signal.SIGKILL)
    assert ended, "the model outlived its parent"
