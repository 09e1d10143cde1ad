"""Embeddings and rerank in the playground, over real sockets: one form, one call, one bill."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import pytest
from gateway_desk import Caller, Desk, wait_until
from gateway_servers import RawUpstream, http
from playground_browser import HTMX, Browser

from console.formats import yuan
from inference.models import Tryout
from inference.playground.tryouts import making, tryouts_end

OpenBrowser = Callable[[Caller], Browser]
FIELDS = {
    "embedding": {"texts": "苹果\r\n\r\n 香蕉 \r\n苹果"},
    "rerank": {"query": "苹果", "documents": "完全无关\r\n苹果是一种水果\r\n苹果"},
}
KINDS = list(FIELDS)


def send(browser: Browser, kind: str, model: str, *, key: str = "", htmx: bool = True, **fields: Any) -> httpx.Response:
    """Each call is a page of its own unless it is given a key."""
    data = {**FIELDS[kind], "model": model, "key": key or secrets.token_urlsafe(16), **fields}
    return browser.post(f"/playground/{kind}/", data, htmx=htmx)


def last(browser: Browser) -> Tryout:
    return Tryout.objects.filter(user=browser.caller.user).latest("id")


def cells(page: str) -> list[str]:
    return re.findall(r'<td class="num shade-\d+">([^<]+)</td>', page)


# --- what is shown ---------------------------------------------------------------------------------------
def test_texts_are_compared_each_with_each(browser: Browser) -> None:
    model = browser.caller.desk.model("compared;dims=16", kind="embedding")
    page = send(browser, "embedding", model).text
    assert len(cells(page)) == 9
    assert [cells(page)[place] for place in (0, 2, 4, 6, 8)] == ["1.00"] * 5
    assert "第 1 段和第 3 段最相似" in page
    assert "</i> 16<" in page
    (asked,) = browser.caller.desk.asked("compared;dims=16")
    assert asked.json["input"] == ["苹果", "香蕉", "苹果"]


@pytest.mark.parametrize("vendor", ["openai_compatible", "yuanjing"])
def test_documents_stand_in_the_models_order(browser: Browser, vendor: str) -> None:
    path = "/openapi/bge/v1" if vendor == "yuanjing" else "/v1"
    model = browser.caller.desk.model("ranked", kind="rerank", vendor=vendor, path=path)
    page = send(browser, "rerank", model, top_n="2").text
    assert [text.strip() for text in re.findall(r'class="ranking-text">([^<]+)<', page)] == ["苹果", "苹果是一种水果"]
    assert re.findall(r'</td><td class="num">(\d)</td>', page) == ["3", "2"]
    assert "另有 1 个文档没有返回" in page
    assert page.count('<rect class="part"') == 2


# --- the bill ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_a_tryout_costs_what_the_api_charges_for_the_same_call(browser: Browser, kind: str) -> None:
    model = browser.caller.desk.model("m", kind=kind)
    page = send(browser, kind, model).text
    made = last(browser)
    ours = browser.caller.record(made.request_id)
    path = "/v1/embeddings" if kind == "embedding" else "/v1/rerank"
    by_api = browser.caller.post(path, made.body)
    theirs = browser.caller.record(by_api.headers["x-request-id"])
    assert (ours.lines, ours.held_nano, ours.cost_nano) == (theirs.lines, theirs.held_nano, theirs.cost_nano)
    assert made.cost_nano == ours.charged_nano > 0
    assert made.prompt_tokens == ours.prompt_tokens
    assert (ours.api_key_id, theirs.api_key_id) == (None, browser.caller.key.pk)
    assert f'href="/billing/receipts/{made.request_id}/"' in page
    assert browser.get(f"/billing/receipts/{made.request_id}/").status_code == 200
    browser.caller.holds_nothing()


@pytest.mark.parametrize("kind", KINDS)
def test_a_form_sent_many_times_at_once_is_one_call(browser: Browser, kind: str) -> None:
    model = browser.caller.desk.model("m;first_ms=300", kind=kind)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(browser, kind, model, key="one page"), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["hx-push-url"] for answer in answers}) == 1
    assert browser.caller.records() == 1
    busy = [answer.text for answer in answers if 'aria-busy="true"' in answer.text]
    assert len(busy) == 5
    (looks_again,) = set(re.findall(r'hx-get="([^"]+)"', "".join(busy)))
    assert "已完成" in browser.get(looks_again).text


@pytest.mark.parametrize("htmx", [True, False])
def test_an_old_form_is_no_second_call_and_a_changed_one_is(browser: Browser, htmx: bool) -> None:
    model = browser.caller.desk.model("m", kind="embedding")
    for _ in range(2):
        send(browser, "embedding", model, key="kept", htmx=htmx)
    assert browser.caller.records() == 1
    send(browser, "embedding", model, key="kept", htmx=htmx, texts="else")
    send(browser, "embedding", model, htmx=htmx)
    assert browser.caller.records() == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_form_leads_to_a_page_that_can_be_reloaded(browser: Browser, kind: str) -> None:
    model = browser.caller.desk.model("m", kind=kind)
    answer = send(browser, kind, model, htmx=False)
    assert answer.status_code == 302
    for _ in range(3):
        page = browser.get(answer.headers["location"])
        assert "已完成" in page.text
        assert "苹果" in page.text
        assert f'<option value="{model}"' in page.text
    assert browser.caller.records() == 1


def test_the_result_brings_a_new_key_so_that_the_same_texts_can_be_sent_again(browser: Browser) -> None:
    model = browser.caller.desk.model("m", kind="embedding")
    keys = {re.findall(r'name="key" value="([^"]+)"', send(browser, "embedding", model, key="k").text)[0]}
    assert "k" not in keys
    send(browser, "embedding", model, key=keys.pop())
    assert browser.caller.records() == 2


# --- what can fail -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("upstream", "says"),
    [
        ("m;status=500", "上游出错，没有给出结果"),
        ("m;reset", "上游出错，没有给出结果"),
        ("m;status=429", "超过了这个模型的速率限制"),
        ("m;status=400;status_body=too many", "上游不接受这次请求"),
    ],
)
def test_a_failure_is_told_in_words_and_not_billed(browser: Browser, kind: str, upstream: str, says: str) -> None:
    model = browser.caller.desk.model(upstream, kind=kind)
    answer = send(browser, kind, model)
    assert answer.status_code == 200
    assert says in answer.text
    assert "未计费" in answer.text
    made = last(browser)
    assert (made.state, made.found, made.cost_nano) == ("failed", {}, 0)
    assert made.request_id in answer.text
    assert "苹果" in browser.get(f"/playground/{kind}/{made.pk}/").text, "what was typed stays"
    browser.caller.holds_nothing()


@pytest.mark.parametrize("kind", KINDS)
def test_without_money_nothing_is_called(play_desk: Desk, open_browser: OpenBrowser, kind: str) -> None:
    browser = open_browser(play_desk.caller(0))
    model = play_desk.model(f"unpaid-{kind}", kind=kind)
    page = send(browser, kind, model).text
    assert "余额不足，没有调用模型" in page
    assert 'href="/billing/"' in page
    assert "/billing/receipts/" not in page
    assert play_desk.asked(f"unpaid-{kind}") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_another_kind_is_not_served_here(browser: Browser, kind: str, chat: str) -> None:
    assert "模型已停用或不存在" in send(browser, kind, chat).text
    assert "模型已停用或不存在" in send(browser, kind, "no such model").text
    assert browser.caller.records() == 0


def test_a_reply_without_readable_numbers_is_told_with_its_bill(browser: Browser) -> None:
    row = '{"embedding": ["a"]}'
    with RawUpstream(http(f'{{"data": [{row}, {row}, {row}], "usage": {{"total_tokens": 5}}}}'.encode())) as upstream:
        model = browser.caller.desk.model([{"inference_url": upstream.url, "model": "x"}], kind="embedding")
        page = send(browser, "embedding", model).text
    assert "模型的回复无法显示" in page
    assert f'href="/billing/receipts/{last(browser).request_id}/"' in page
    assert browser.caller.record().charged_nano == last(browser).cost_nano == 10_000


# --- pictures --------------------------------------------------------------------------------------------------
PICTURE = b"\x89PNG\r\n\x1a\n a picture"


def send_picture(browser: Browser, model: str, content: bytes = PICTURE, *, htmx: bool = True) -> httpx.Response:
    return browser.http.post(
        "/playground/ocr/",
        data={"model": model, "key": "one page"},
        files={"file": ("收据.jpg", content)},
        headers=HTMX if htmx else {},
    )


@pytest.fixture
def reader(browser: Browser) -> str:
    path = "/openapi/v1"
    return browser.caller.desk.model("ocr", kind="ocr", vendor="yuanjing", path=path, price={"per_page": "0.01"})


@pytest.mark.parametrize("htmx", [True, False])
def test_a_picture_is_read_by_page_and_billed_once(browser: Browser, reader: str, htmx: bool) -> None:
    answers = [send_picture(browser, reader, htmx=htmx) for _ in range(3)]
    record = browser.caller.record()
    assert (browser.caller.records(), record.operation, record.pages, record.charged_nano) == (1, "ocr", 1, 10_000_000)
    page = answers[-1].text if htmx else browser.get(answers[-1].headers["location"]).text
    assert "page 1 of page.png" in page, "named by what it is"
    assert "¥0.010000" in page
    assert 'data-picture="收据.jpg"' in page
    send_picture(browser, reader, PICTURE + b"!")
    assert browser.caller.records() == 2, "another picture is another call"


def test_of_a_picture_only_its_name_and_digest_are_kept(browser: Browser, reader: str) -> None:
    send_picture(browser, reader)
    assert last(browser).body == {"model": reader, "file": "收据.jpg", "digest": hashlib.sha256(PICTURE).hexdigest()}


# --- leaving ---------------------------------------------------------------------------------------------------
def test_who_leaves_finds_the_result_later(browser: Browser) -> None:
    model = browser.caller.desk.model("m;first_ms=300", kind="embedding")
    browser.http.timeout = httpx.Timeout(5, read=0.1)
    with suppress(httpx.ReadTimeout):
        send(browser, "embedding", model)
    wait_until(lambda: last(browser).state == "done")
    assert browser.caller.records() == 1


def test_a_server_that_stops_ends_what_runs_and_holds_nothing(browser: Browser) -> None:
    model = browser.caller.desk.model("m;hang", kind="embedding")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send, browser, "embedding", model)
        wait_until(lambda: browser.caller.holds)
        loop = next(iter(making)).get_loop()
        asyncio.run_coroutine_threadsafe(tryouts_end(), loop).result(5)
        assert "调用被中断" in answer.result(5).text
    assert last(browser).state == "failed"
    browser.caller.holds_nothing()


# --- beside it -------------------------------------------------------------------------------------------
def test_the_estimate_is_what_the_call_would_hold(browser: Browser) -> None:
    desk = browser.caller.desk
    priced = {"embedding": {"input": "1000", "output": "0"}, "rerank": {"per_call": "0.01"}}
    for kind in KINDS:
        model = desk.model("estimated", kind=kind, price=priced[kind])
        fields = {**FIELDS[kind], "model": model, "key": "k"}
        said = browser.post(f"/playground/{kind}/estimate/", fields).text
        assert send(browser, kind, model).status_code == 200
        assert f"约 {yuan(browser.caller.record().held_nano, 6)}" in said
        assert "—" in browser.post(f"/playground/{kind}/estimate/", {"model": model}).text
        assert "—" in browser.post(f"/playground/{kind}/estimate/", {**fields, "model": "nobody"}).text


def test_a_picture_is_estimated_by_the_page(browser: Browser) -> None:
    model = browser.caller.desk.model("ocr", kind="ocr", vendor="yuanjing", price={"per_page": "0.02"})
    assert "每页 ¥0.020000" in browser.post("/playground/ocr/estimate/", {"model": model}).text
