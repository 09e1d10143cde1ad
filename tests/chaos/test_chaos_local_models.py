"""Real models on this machine, from `up` to the bill: whatever they say, they say it through the whole product."""

import time
from io import BytesIO
from itertools import pairwise

import httpx
import pytest
from chaos_callers import nano
from chaos_product import Product, measured
from openai import OpenAI

from local_models.catalog import EMBEDDING, LLM, LOCAL_MODELS, OCR, RERANK, missing_packages
from tests.console.conftest import wait_until

pytestmark = pytest.mark.slow

UP_S = 90
TOKENS = 48
MESSAGES = [{"role": "user", "content": "Tell me a short story about a river."}]
MISSING = sorted({package for model in LOCAL_MODELS.values() for package in missing_packages(model)})


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (requirements-local-models.lock)")
def test_real_models_are_served_streamed_and_billed(product: Product) -> None:
    process = product.start(LOCAL_MODELS="1")
    [key] = product.prepare([])
    took_s = wait_until(lambda: served(product, key) == {*LOCAL_NAMES}, seconds=UP_S, what="four local models")
    measured("four models enabled after up served, at most s", took_s)
    with (
        OpenAI(api_key=key, base_url=f"{product.url}/v1", max_retries=0) as client,
        httpx.Client(base_url=product.url, headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
    ):
        check_chat(client)
        check_stream(client)
        check_embeddings(client)
        check_rerank(http)
        check_ocr(http)
    records = product.rows(
        "SELECT model, usage_source, prompt_tokens, completion_tokens, pages, cost_nano FROM billing_usagerecord"
        " WHERE outcome = 'success'"
    )
    assert {(record[0], record[1]) for record in records} == {(name, "upstream") for name in LOCAL_NAMES}
    assert len(records) == 5
    for name, _, prompt, completion, pages, cost in records:
        assert cost == BILL[name](prompt, completion, pages) > 0
    assert product.available_nano("alice") == nano("40") - sum(record[5] for record in records)
    product.check_ledger()
    product.stop(process)


LOCAL_NAMES = [model.name for model in LOCAL_MODELS.values()]
BILL = {
    LLM.name: lambda prompt, completion, pages: 500 * prompt + 1000 * completion,
    EMBEDDING.name: lambda prompt, completion, pages: 500 * prompt,
    RERANK.name: lambda prompt, completion, pages: 500 * prompt,
    OCR.name: lambda prompt, completion, pages: nano("0.01") * pages,
}


def served(product: Product, key: str) -> set[str]:
    answer = httpx.get(f"{product.url}/v1/models", headers={"Authorization": f"Bearer {key}"})
    return {model["id"] for model in answer.json()["data"]}


def check_chat(client: OpenAI) -> None:
    answer = client.chat.completions.create(model=LLM.name, messages=MESSAGES, max_tokens=TOKENS)
    assert answer.choices[0].message.content
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= TOKENS


def check_stream(client: OpenAI) -> None:
    """Chunks come one by one: most of the time passes between the first and the last."""
    began_at = time.monotonic()
    stream = client.chat.completions.create(
        model=LLM.name, messages=MESSAGES, max_tokens=TOKENS, stream=True, stream_options={"include_usage": True}
    )
    arrivals, usage = [], None
    for chunk in stream:
        usage = chunk.usage or usage
        if chunk.choices and chunk.choices[0].delta.content:
            arrivals.append(time.monotonic())
    assert usage is not None
    assert usage.completion_tokens > 0
    gaps_ms = sorted(1000 * (later - earlier) for earlier, later in pairwise(arrivals))
    measured("first chunk, ms", 1000 * (arrivals[0] - began_at))
    measured("median gap, ms", gaps_ms[len(gaps_ms) // 2])
    measured("largest gap, ms", gaps_ms[-1])
    measured("chunks", len(arrivals))
    assert len(arrivals) > TOKENS // 3
    assert gaps_ms[len(gaps_ms) // 2] > 1, "they came together"
    assert gaps_ms[-1] < sum(gaps_ms) / 2, "they came in clumps"


def check_embeddings(client: OpenAI) -> None:
    near, alike, far = client.embeddings.create(
        model=EMBEDDING.name, input=["今天天气很好", "It is a sunny day", "invoice number 4711"]
    ).data
    assert dot(near.embedding, alike.embedding) > dot(near.embedding, far.embedding)


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def check_rerank(http: httpx.Client) -> None:
    body = {
        "model": RERANK.name,
        "query": "How do I reset my password?",
        "documents": ["Bananas are rich in potassium.", "To reset your password, open the settings.", "It rains."],
        "top_n": 2,
    }
    results = http.post("/v1/rerank", json=body).raise_for_status().json()["results"]
    assert results[0]["index"] == 1
    assert len(results) == 2


def check_ocr(http: httpx.Client) -> None:
    file = ("page.png", drawn("Total 1234.50"), "image/png")
    answer = http.post("/v1/ocr", data={"model": OCR.name}, files={"file": file}).raise_for_status()
    assert "1234" in answer.json()["text"]
    assert answer.json()["usage"] == {"pages": 1}
    assert nano(answer.headers["X-Request-Cost"]) == nano("0.01")


def drawn(text: str) -> bytes:
    from PIL import Image, ImageDraw

    picture, content = Image.new("RGB", (700, 120), "white"), BytesIO()
    ImageDraw.Draw(picture).text((20, 30), text, fill="black", font_size=48)
    picture.save(content, "PNG")
    return content.getvalue()
