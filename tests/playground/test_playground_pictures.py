"""Pictures in the chat playground: taken, shown to their owner, sent again later, gone with the conversation."""

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.utils import timezone
from gateway_desk import Caller
from playground_browser import HTMX, STREAM, Browser
from pytest_django import Settings

from inference.models import PromptPicture, Turn
from inference.playground import pictures
from inference.playground.asking import Asking
from inference.playground.forms import PROMPT_MAX
from inference.playground.pictures import DRAFT_LIFE, DRAFTS_MAX, content_type_of, conversation_bytes_max
from inference.playground.runs import encoded

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR a picture"
JPEG = b"\xff\xd8\xff\xe0 another"
GIF, WEBP = b"GIF89a and one", b"RIFF\x00\x00\x00\x00WEBPVP8 one more"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MODEL = "chat;text=seen;chunks=1"
OpenBrowser = Callable[[Caller], Browser]


def upload(browser: Browser, *files: tuple[str, bytes], **fields: Any) -> httpx.Response:
    sent = [("files", (name, content, "image/png")) for name, content in files]
    return browser.http.post("/playground/pictures/", files=sent, data=fields, headers=HTMX)


def added(browser: Browser, *files: tuple[str, bytes]) -> list[str]:
    """Ids, as the composer has them."""
    response = upload(browser, *files)
    assert response.status_code == 200, response.text
    return re.findall(r'name="picture" value="(\d+)"', response.text)


def sent_content(browser: Browser, place: int = -1, upstream: str = MODEL) -> Any:
    return browser.caller.desk.asked(upstream)[-1].json["messages"][place]["content"]


@pytest.fixture
def model(browser: Browser) -> str:
    return browser.caller.desk.model(MODEL)


# --- on its way ----------------------------------------------------------------------------------------
def test_pictures_reach_the_model_as_data_urls_and_are_billed_as_any_call(browser: Browser, model: str) -> None:
    ids = added(browser, ("猫.png", PNG), ("b.jpg", JPEG))
    browser.ask("这是什么？", model, picture=ids)
    text, *parts = sent_content(browser)
    assert text == {"type": "text", "text": "这是什么？"}
    urls = [part["image_url"]["url"] for part in parts]
    assert [part["type"] for part in parts] == ["image_url", "image_url"]
    assert [url.partition(",")[0] for url in urls] == ["data:image/png;base64", "data:image/jpeg;base64"]
    assert [base64.b64decode(url.partition(",")[2]) for url in urls] == [PNG, JPEG]
    record = browser.caller.record()
    assert browser.answer.cost_nano == record.charged_nano > 0
    asked = browser.caller.desk.asked(MODEL)[-1].json
    by_api = browser.caller.post("/v1/chat/completions", {**asked, "model": model})
    assert by_api.status_code == 200
    assert browser.caller.record().held_nano == record.held_nano


def test_later_turns_send_them_again_and_the_page_shows_them(browser: Browser, model: str) -> None:
    (pk,) = added(browser, ("a.png", PNG))
    browser.ask("看", model, picture=pk)
    browser.ask("再看", model, conversation=browser.conversation)
    assert [part["type"] for part in sent_content(browser, 0)] == ["text", "image_url"]
    assert sent_content(browser) == "再看", "plain text stays plain"
    page = browser.get(f"/playground/{browser.conversation.pk}/").text
    assert f'<img src="/playground/pictures/{pk}/" alt="a.png"' in page
    assert page.count('name="picture"') == 0, "the composer is empty"


def test_two_models_side_by_side_are_shown_the_same(browser: Browser, model: str) -> None:
    other = browser.caller.desk.model("chat;text=other;chunks=1")
    (pk,) = added(browser, ("a.png", PNG))
    for path in browser.streams("看", model, other, picture=pk):
        browser.listen(path)
    assert sent_content(browser) == sent_content(browser, upstream="chat;text=other;chunks=1")


def test_a_plain_form_sends_files_with_the_prompt(browser: Browser, model: str) -> None:
    data = {"prompt": "看", "model": model, "key": "plain", "conversation": ""}
    for _ in range(2):  # the same form twice is one turn
        files = [("files", ("a.gif", GIF)), ("files", ("b.webp", WEBP))]
        response = browser.http.post("/playground/turns/", data=data, files=files)
        assert response.status_code == 302
    assert browser.turns == 1
    assert [part["image_url"]["url"][:16] for part in sent_content(browser)[1:]] == [
        "data:image/gif;b",
        "data:image/webp;",
    ]


def test_megabytes_of_pictures_are_forgotten_once_they_are_sent() -> None:
    """An answer may take minutes, and many answers are made at once."""
    asking = Asking(b"megabytes")
    read = asyncio.run(asking.receive())
    assert (read["body"], asking.body) == (b"megabytes", b"")


def test_megabytes_of_pictures_are_encoded_in_no_time() -> None:
    body = {"messages": [{"content": [{"image_url": {"url": "A" * 16 * 1024 * 1024}}]}]}
    before = time.thread_time()
    written = encoded(body)
    took_s = time.thread_time() - before
    before = time.thread_time()
    assert json.loads(written) == body
    assert took_s < time.thread_time() - before, "json's own reading is faster than its writing"
    assert json.loads(encoded({"seed": 10**23})) == {"seed": 10**23}


# --- refused --------------------------------------------------------------------------------------------
def test_a_refused_plain_form_keeps_text_and_picture(browser: Browser, model: str) -> None:
    data = {"prompt": "看 & 说", "model": model, "key": "kept", "conversation": "", "temperature": "9"}
    page = browser.http.post("/playground/turns/", data=data, files=[("files", ("a.png", PNG))])
    assert page.status_code == 422
    assert "看 &amp; 说</textarea>" in page.text
    (pk,) = re.findall(r'name="picture" value="(\d+)"', page.text)
    browser.ask("看", model, picture=pk)
    assert sent_content(browser)[1]["type"] == "image_url"


def test_a_picture_leaves_the_composer_with_and_without_scripts(browser: Browser, model: str) -> None:
    first, second = added(browser, ("a.png", PNG), ("b.png", PNG))
    assert browser.post(f"/playground/pictures/{first}/drop/").text == ""
    fields = {"prompt": "未完", "model": model, "picture": [first, second]}
    page = browser.post(f"/playground/pictures/{second}/drop/", fields, htmx=False)
    assert page.status_code == 200
    assert "未完</textarea>" in page.text
    assert 'name="picture"' not in page.text
    assert not PromptPicture.objects.filter(user=browser.caller.user).exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.svg", SVG), ("a.png", b"<html>"), ("a.png", b""), ("a.pdf", b"%PDF-1.7"), ("a.webp", b"RIFF\0\0\0\0WAVE")],
)
def test_what_is_no_picture_is_told_so_by_its_content(browser: Browser, name: str, content: bytes) -> None:
    response = upload(browser, ("good.png", PNG), (name, content))
    assert response.status_code == 422
    assert response.headers["hx-retarget"] == "#composer-error"
    assert f"{name} 不是 PNG、JPEG、WebP 或 GIF 图片" in response.text
    assert not PromptPicture.objects.filter(user=browser.caller.user).exists()


def test_number_and_size_are_bounded_and_told(browser: Browser, model: str) -> None:
    assert "一次最多 4 张图片" in upload(browser, *[("a.png", PNG)] * 5).text
    ids = added(browser, *[("a.png", PNG)] * 4)
    assert "一次最多 4 张图片" in upload(browser, ("a.png", PNG), picture=ids).text
    large = PNG + bytes(5 * 1024 * 1024)
    assert "large.png 大于 5 MB" in upload(browser, ("large.png", large)).text
    assert upload(browser, *[("a.png", PNG)] * 101).status_code == 400
    huge = PNG + bytes(21 * 1024 * 1024)
    assert upload(browser, ("huge.png", huge)).status_code == 422
    data = {"prompt": "看", "model": model, "key": "huge", "conversation": ""}
    sent = browser.http.post("/playground/turns/", data=data, files=[("files", ("a.png", huge))])
    assert (sent.status_code, browser.turns) == (422, 0), "a prompt never leaves without its picture"
    many = browser.send("看", model, picture=[*ids, *added(browser, ("e.png", PNG))])
    assert many.status_code == 422
    assert "一次最多 4 张图片" in many.text


def test_a_conversation_has_room_for_as_many_as_fit_into_a_call(
    browser: Browser, model: str, settings: Settings
) -> None:
    settings.MAX_BODY_MB = 0.001
    half = PNG + bytes(conversation_bytes_max() // 2 - len(PNG))
    browser.ask("一", model, picture=added(browser, ("a.png", half)))
    conversation = browser.conversation
    browser.ask("二", model, picture=added(browser, ("a.png", half)), conversation=conversation)
    ids = added(browser, ("c.png", PNG))
    refused = browser.send("三", model, picture=ids, conversation=conversation)
    assert refused.status_code == 422
    assert "新建会话再发送" in refused.text
    assert conversation.turns.count() == 2
    assert browser.send("三", model, picture=ids).status_code == 200, "the draft is still there"


def test_the_fullest_conversation_and_the_longest_prompt_still_fit_into_a_call(browser: Browser, model: str) -> None:
    third = PNG + bytes(conversation_bytes_max() // 3 - len(PNG))
    ids = [pk for name in ("a.png", "b.png", "c.png") for pk in added(browser, (name, third))]
    browser.ask("长" * PROMPT_MAX, model, picture=ids)
    assert browser.answer.state == "done"
    assert browser.answer.cost_nano == browser.caller.record().charged_nano > 0


def test_a_users_pictures_are_bounded_also_when_they_come_at_once(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "USER_MB_MAX", 1)
    heavy = PNG + bytes(400 * 1024)
    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: upload(browser, ("a.png", heavy)).status_code, range(6)))
    assert sorted(done) == [200, 200, 422, 422, 422, 422]
    assert "保存的图片已满 1 MB" in upload(browser, ("a.png", heavy)).text


def test_drafts_nobody_sends_are_tidied_away(browser: Browser) -> None:
    own = PromptPicture.objects.filter(user=browser.caller.user)
    (old,) = added(browser, ("old.png", PNG))
    own.update(created_at=timezone.now() - DRAFT_LIFE)
    for _ in range(DRAFTS_MAX + 3):
        added(browser, ("a.png", PNG))
    assert not own.filter(pk=old).exists()
    assert own.count() <= DRAFTS_MAX


# --- whose it is ------------------------------------------------------------------------------------------
def test_a_picture_is_served_to_its_owner_as_nothing_but_a_picture(browser: Browser, open_browser: OpenBrowser) -> None:
    polyglot = GIF + b"/*<html><script>alert(1)</script>*/"
    (pk,) = added(browser, ("x.html", polyglot))
    served = browser.get(f"/playground/pictures/{pk}/")
    assert served.content == polyglot
    assert served.headers["content-type"] == "image/gif"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert served.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert served.headers["cross-origin-resource-policy"] == "same-origin"
    assert "private" in served.headers["cache-control"]
    assert "Cookie" in served.headers["vary"]


def test_anothers_picture_can_be_neither_seen_nor_sent_nor_dropped(
    browser: Browser, open_browser: OpenBrowser, model: str
) -> None:
    (pk,) = added(browser, ("a.png", PNG))
    thief = open_browser(browser.caller.desk.caller())
    assert thief.get(f"/playground/pictures/{pk}/").status_code == 404
    thief.post(f"/playground/pictures/{pk}/drop/")
    refused = thief.send("看", model, picture=pk)
    assert refused.status_code == 422
    assert "有图片已不在" in refused.text
    assert thief.turns == 0, "a prompt never leaves without its picture"
    assert browser.get(f"/playground/pictures/{pk}/").status_code == 200
    assert httpx.get(f"{browser.caller.desk.url}/playground/pictures/{pk}/").status_code == 302


def test_a_picture_goes_with_one_turn(browser: Browser, model: str) -> None:
    (pk,) = added(browser, ("a.png", PNG))
    browser.ask("一", model, picture=pk)
    again = browser.send("二", model, picture=pk)
    assert again.status_code == 422
    assert "图片已经发送过" in again.text
    assert browser.post(f"/playground/pictures/{pk}/drop/").status_code == 200
    assert PromptPicture.objects.filter(pk=pk).exists(), "what was sent is not a draft any more"


def test_the_same_form_sent_at_once_claims_its_picture_once(browser: Browser, model: str) -> None:
    (pk,) = added(browser, ("a.png", PNG))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: browser.send("看", model, picture=pk, key="one"), range(4)))
    assert {response.status_code for response in done} == {200}
    assert browser.turns == 1
    assert len({tuple(STREAM.findall(response.text)) for response in done}) == 1


def test_pictures_go_with_their_conversation(browser: Browser, model: str) -> None:
    (pk,) = added(browser, ("a.png", PNG))
    browser.ask("看", model, picture=pk)
    browser.post(f"/playground/{browser.conversation.pk}/delete/", htmx=False)
    assert not PromptPicture.objects.filter(pk=pk).exists()
    assert browser.get(f"/playground/pictures/{pk}/").status_code == 404


# --- beside it -------------------------------------------------------------------------------------------
def test_code_names_the_picture_and_the_estimate_counts_it(browser: Browser, model: str) -> None:
    (pk,) = added(browser, ("猫.png", PNG * 1000))
    fields = {"prompt": "看", "model": model, "max_tokens": "1"}
    code = browser.post("/playground/code/", {**fields, "picture": pk}).text
    assert "data:image/png;base64,{BASE64:猫.png}" in code
    assert "换成该文件的 base64" in code
    assert "base64" not in browser.post("/playground/code/", fields).text
    plain, seen = (browser.post("/playground/estimate/", {**fields, **more}).text for more in ({}, {"picture": pk}))
    assert plain != seen


def test_only_how_a_file_begins_says_what_it_is() -> None:
    begins = {PNG: "image/png", JPEG: "image/jpeg", GIF: "image/gif", WEBP: "image/webp", SVG: "", b"": "", b"RIFF": ""}
    assert {content: content_type_of(content) for content in begins} == begins


def test_a_turn_without_pictures_is_sent_as_before(browser: Browser, model: str) -> None:
    browser.ask("只有文字", model, picture=["", "x", "9" * 30])
    assert sent_content(browser) == "只有文字"
    assert Turn.objects.get(prompt="只有文字").pictures.count() == 0
