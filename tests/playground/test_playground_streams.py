"""Over real sockets: one prompt, one answer, one bill."""

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Barrier

import httpx
import pytest
from django.db import connection
from gateway_desk import Caller, Desk, wait_until
from playground_browser import Browser

from accounts.models import User
from inference.models import Answer
from inference.playground.services import answer_claim
from models_registry.models import Model
from models_registry.services import model_disable

OpenBrowser = Callable[[Caller], Browser]
SLOW = "chat;chunks=400;chunk_ms=20"


def test_an_answer_is_streamed_and_billed_once(browser: Browser, chat: str) -> None:
    events = browser.ask("你好 world", chat)
    assert events.names[-2:] == ["finished", "close"]
    assert "w1 w2 w3 w4 w5 w6 w7 w8" in events.finished
    answer = browser.answer
    record = browser.caller.record()
    assert (answer.state, answer.request_id) == ("done", record.request_id)
    assert answer.cost_nano == record.charged_nano > 0
    assert (answer.prompt_tokens, answer.completion_tokens) == (record.prompt_tokens, record.completion_tokens)
    assert answer.first_byte_ms is not None
    assert browser.caller.records() == 1
    assert browser.caller.holds == 0
    assert browser.caller.balance_nano == 1000 * 10**9 - record.charged_nano


def test_an_answer_costs_what_the_api_charges_for_the_same_call(browser: Browser, chat: str) -> None:
    browser.ask("你好 world", chat, temperature="0.5")
    (asked,) = [one for one in browser.caller.desk.asked("chat") if one.json.get("temperature") == 0.5]
    by_api = browser.caller.post("/v1/chat/completions", {**asked.json, "model": chat})
    assert by_api.status_code == 200
    ours, theirs = browser.caller.record(browser.answer.request_id), wait_until(lambda: browser.caller.record())
    assert ours.request_id != theirs.request_id
    assert (ours.lines, ours.cost_nano, ours.held_nano) == (theirs.lines, theirs.cost_nano, theirs.held_nano)
    assert (ours.api_key_id, theirs.api_key_id) == (None, browser.caller.key.pk)


def test_the_upstream_gets_the_parameters_and_the_conversation(browser: Browser) -> None:
    model = browser.caller.desk.model("chat;chunks=2;extra")
    fields = {"system_prompt": "简明", "temperature": "0.6", "top_p": "1", "max_tokens": "50", "stop": "A\r\nB"}
    browser.ask("一", model, enable_thinking="false", **fields)
    browser.ask("二", model, conversation=browser.conversation, **fields)
    asked = browser.caller.desk.asked("chat;chunks=2;extra")[-1].json
    assert [message["content"].strip() for message in asked["messages"]] == ["简明", "一", "w1 w2", "二"]
    assert [message["role"] for message in asked["messages"]] == ["system", "user", "assistant", "user"]
    assert (asked["temperature"], asked["top_p"], asked["max_tokens"], asked["stop"]) == (0.6, 1, 50, ["A", "B"])
    assert "enable_thinking" not in asked
    assert browser.conversation.parameters["stop"] == ["A", "B"]


def test_two_models_answer_side_by_side_each_with_its_own_history(browser: Browser) -> None:
    desk = browser.caller.desk
    first, second = desk.model("chat;text=eins;chunks=1"), desk.model("chat;text=zwei;chunks=1")
    paths = browser.streams("go", first, second)
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(browser.listen, paths)
    assert "eins" in one.finished
    assert "zwei" in two.finished
    for path in browser.streams("on", first, second, conversation=browser.conversation):
        browser.listen(path)
    said = desk.asked("chat;text=zwei;chunks=1")[-1].json["messages"]
    assert [message["content"] for message in said] == ["go", "zwei", "on"]
    assert browser.caller.records() == 4


# --- once ----------------------------------------------------------------------------------------------
def test_a_used_stream_id_gives_only_the_close_event_and_no_second_bill(browser: Browser, chat: str) -> None:
    (path,) = browser.streams("hi", chat)
    browser.listen(path)
    for _ in range(3):
        assert browser.listen(path).is_closed_only
    assert browser.caller.records() == 1


def test_a_stream_opened_many_times_at_once_is_answered_once(browser: Browser, chat: str) -> None:
    (path,) = browser.streams("hi", chat)
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(browser.listen, [path] * 8))
    assert sum("finished" in events.names for events in heard) == 1
    assert sum(events.is_closed_only for events in heard) == 7
    assert browser.caller.records() == 1


def test_of_many_who_claim_an_answer_at_once_one_wins(browser: Browser, chat: str) -> None:
    for _ in range(10):
        (path,) = browser.streams("hi", chat)
        claim = partial(claim_together, Barrier(8), path.rstrip("/").rpartition("/")[2], browser.caller.user)
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(claim, range(8))) == 1
        Answer.objects.filter(turn__conversation__user=browser.caller.user).update(state="stopped")


def claim_together(together: Barrier, stream_id: str, user: User, number: int) -> bool:
    together.wait()
    try:
        return answer_claim(stream_id=stream_id, user=user, request_id=f"{number}") is not None
    finally:
        connection.close()


def test_a_form_posted_twice_makes_one_turn(browser: Browser, chat: str) -> None:
    first, second = (browser.send("hi", chat, key="one page") for _ in range(2))
    assert first.headers["x-turn"] == second.headers["x-turn"]
    assert browser.turns == 1


def test_a_double_click_makes_one_turn(browser: Browser, chat: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        sent = list(pool.map(lambda _: browser.send("hi", chat, key="clicked"), range(6)))
    assert {response.status_code for response in sent} == {200}
    assert len({response.headers["x-turn"] for response in sent}) == 1
    assert browser.turns == 1


def test_the_same_page_key_of_another_user_is_another_turn(
    play_desk: Desk, browser: Browser, open_browser: OpenBrowser, chat: str
) -> None:
    other = open_browser(play_desk.caller())
    browser.send("hi", chat, key="shared")
    other.send("hi", chat, key="shared")
    assert (browser.turns, other.turns) == (1, 1)


def test_a_reload_shows_the_answer_and_asks_nobody(browser: Browser, chat: str) -> None:
    browser.ask("hi", chat)
    for _ in range(2):
        page = browser.get(f"/playground/{browser.conversation.pk}/")
        assert "w1 w2" in page.text
        assert "sse-connect" not in page.text
    assert browser.caller.records() == 1


def test_a_prompt_whose_answer_came_to_nobody_is_answered_after_a_reload(browser: Browser, chat: str) -> None:
    """The POST arrived, its response was lost: the page's next look opens the stream, once."""
    browser.send("hi", chat)
    page = browser.get(f"/playground/{browser.conversation.pk}/")
    (path,) = re.findall(r'sse-connect="([^"]+)"', page.text)
    assert "finished" in browser.listen(path).names
    assert browser.listen(path).is_closed_only
    assert browser.caller.records() == 1


def test_a_prompt_that_waited_too_long_is_never_answered(browser: Browser, chat: str) -> None:
    (path,) = browser.streams("hi", chat)
    Answer.objects.filter(pk=browser.answer.pk).update(created_at="2020-01-01T00:00:00Z")
    assert browser.listen(path).is_closed_only
    assert "sse-connect" not in browser.get(f"/playground/{browser.conversation.pk}/").text
    assert browser.caller.records() == 0


# --- ends --------------------------------------------------------------------------------------------
def test_a_browser_that_goes_away_closes_the_upstream_and_pays_for_what_it_saw(browser: Browser) -> None:
    model = browser.caller.desk.model(f"{SLOW};extra")
    (path,) = browser.streams("hi", model)
    with browser.listening(path):
        pass
    left_at = time.monotonic()
    (asked,) = browser.caller.desk.asked(f"{SLOW};extra")
    wait_until(lambda: asked.closed_at, 2)
    assert time.monotonic() - left_at < 1
    answer = browser.answer_when("stopped")
    record = browser.caller.record()
    assert (record.outcome, record.usage_source) == ("client_closed", "partial")
    assert answer.content.startswith("w1 ")
    assert 0 < answer.completion_tokens < 400
    assert answer.cost_nano == record.charged_nano > 0
    browser.caller.holds_nothing()
    assert browser.listen(path).is_closed_only, "EventSource comes back by itself"
    assert browser.caller.records() == 1


def test_browsers_that_leave_at_any_moment_leave_no_hold_and_no_running_answer(browser: Browser) -> None:
    model = browser.caller.desk.model("chat;chunks=20;chunk_ms=5")
    for number in range(12):
        (path,) = browser.streams(f"prompt {number}", model)
        with suppress(httpx.ReadTimeout):
            browser.http.get(path, timeout=0.01 + number * 0.01)
    wait_until(lambda: not browser_rows(browser, "running"), 5, every_s=0.05)
    browser.caller.holds_nothing()
    assert browser.caller.records() <= 12


def browser_rows(browser: Browser, state: str) -> int:
    return Answer.objects.filter(turn__conversation__user=browser.caller.user, state=state).count()


@pytest.mark.parametrize("by", ["answer", "conversation", "another process"])
def test_stop_stops_the_upstream(browser: Browser, by: str) -> None:
    upstream = f"{SLOW};prompt={len(by)}"
    (path,) = browser.streams("hi", browser.caller.desk.model(upstream))
    with browser.listening(path):
        if by == "answer":
            assert browser.post(f"/playground/answers/{browser.answer.pk}/stop/").status_code == 204
        elif by == "conversation":
            asked = {"conversation": browser.conversation.pk}
            assert browser.post("/playground/stop/", asked).status_code == 204
        else:
            Answer.objects.filter(pk=browser.answer.pk).update(stop_wanted=True)
        (asked_upstream,) = browser.caller.desk.asked(upstream)
        wait_until(lambda: asked_upstream.closed_at, 1)
        answer = browser.answer_when("stopped")
    assert answer.content
    assert browser.caller.record().outcome == "client_closed"
    browser.caller.holds_nothing()


def test_what_was_stopped_before_it_began_is_never_made(browser: Browser, chat: str) -> None:
    (path,) = browser.streams("hi", chat)
    browser.post(f"/playground/answers/{browser.answer.pk}/stop/")
    assert browser.listen(path).is_closed_only
    assert browser.answer.state == "stopped"
    assert browser.caller.records() == 0


def test_a_second_prompt_waits_for_the_first_answer(browser: Browser) -> None:
    model = browser.caller.desk.model(f"{SLOW};finish=stop")
    (path,) = browser.streams("hi", model)
    with browser.listening(path):
        refused = browser.send("more", model, conversation=browser.conversation)
        assert refused.status_code == 422
        assert "还在生成" in refused.text
        assert refused.headers["hx-retarget"] == "#composer-error"
    browser.answer_when("stopped")
    assert browser.send("more", model, conversation=browser.conversation).status_code == 200


def test_a_deleted_conversation_ends_its_answer(browser: Browser) -> None:
    upstream = f"{SLOW};dims=3"
    (path,) = browser.streams("hi", browser.caller.desk.model(upstream))
    with browser.listening(path):
        browser.post(f"/playground/{browser.conversation.pk}/delete/", htmx=False)
        (asked,) = browser.caller.desk.asked(upstream)
        wait_until(lambda: asked.closed_at, 2)
    browser.caller.holds_nothing()
    assert browser.caller.record().outcome == "client_closed"


# --- errors ------------------------------------------------------------------------------------------
def test_without_money_the_page_says_what_to_do(play_desk: Desk, open_browser: OpenBrowser, chat: str) -> None:
    poor = open_browser(play_desk.caller("0"))
    events = poor.ask("hi", chat)
    assert "余额不足" in events.finished
    assert 'href="/billing/"' in events.finished
    assert poor.answer.error_code == "insufficient_balance"
    assert poor.answer.request_id in events.finished
    assert poor.caller.records() == 0


def test_a_model_that_was_switched_off_says_so(browser: Browser) -> None:
    desk = browser.caller.desk
    name = desk.model("chat")
    (path,) = browser.streams("hi", name)
    model_disable(model=Model.objects.get(name=name), actor="tests")
    desk.settle_snapshot()
    events = browser.listen(path)
    assert "模型已停用或不存在" in events.finished
    assert browser.answer.error_code == "model_not_found"
    assert browser.caller.records() == 0
    page = browser.get(f"/playground/{browser.conversation.pk}/").text
    assert "已停用" in page


@pytest.mark.parametrize(
    ("upstream", "code", "words"),
    [
        ("chat;status=500", "upstream_error", "上游出错"),
        ("chat;status=429", "rate_limit_exceeded", "速率限制"),
        ("chat;status=400;status_body=nonsense", "invalid_request_error", "不接受"),
        ("chat;empty", "upstream_error", "上游出错"),
    ],
)
def test_an_upstreams_fault_is_told_in_words_and_not_charged(
    browser: Browser, upstream: str, code: str, words: str
) -> None:
    events = browser.ask("hi", browser.caller.desk.model(upstream))
    assert words in events.finished
    assert "未计费" in events.finished
    answer = browser.answer
    assert (answer.state, answer.error_code) == ("failed", code)
    assert answer.request_id in events.finished
    assert not browser.caller.record().cost_nano
    browser.caller.holds_nothing()


def test_an_answer_that_breaks_off_keeps_what_came_and_is_told(browser: Browser) -> None:
    events = browser.ask("hi", browser.caller.desk.model("chat;error_at=3"))
    assert "w1 w2 w3" in events.finished
    assert "上游出错" in events.finished
    assert browser.answer.cost_nano == browser.caller.record().charged_nano > 0


# --- what is shown -------------------------------------------------------------------------------------
@pytest.mark.parametrize("upstream", ["chat;reasoning=5;first_ms=50", "chat;think;first_ms=50"])
def test_thinking_is_folded_and_not_sent_again(browser: Browser, upstream: str) -> None:
    model = browser.caller.desk.model(upstream)
    events = browser.ask("hi", model)
    answer = browser.answer
    assert answer.thinking
    assert "think>" not in answer.content
    assert answer.thinking not in answer.content
    assert '<details class="thinking"><summary>' in events.finished, "closed"
    assert f"{answer.thinking_tokens} tokens" in events.finished
    browser.ask("on", model, conversation=browser.conversation)
    said = json.dumps(browser.caller.desk.asked(upstream)[-1].json["messages"], ensure_ascii=False)
    assert answer.thinking.strip() not in said


def test_how_long_was_thought_is_told_live_and_afterwards(browser: Browser) -> None:
    events = browser.ask("hi", browser.caller.desk.model("chat;reasoning=12;chunk_ms=60"))
    said = [data for name, data in events.found if name == "thought"]
    assert all(one.startswith("正在思考") for one in said[:-1])
    assert len(said) > 2
    assert re.fullmatch(r"思考了 0\.\d\d 秒", said[-1])
    assert said[-1] in events.finished
    assert 500 < browser.answer.thinking_ms < 5000
    assert said[-1] in browser.get(f"/playground/{browser.conversation.pk}/").text


def test_scripts_and_dangerous_links_in_an_answer_are_harmless(browser: Browser) -> None:
    attack = "<script>alert(1)</script>,<img src=x onerror=alert(1)>,[x](javascript:alert(1)),![p](https://e.example/p)"
    events = browser.ask("hi", browser.caller.desk.model(f"chat;chunks=4;text={attack}"))
    text = events.data("tail") + events.data("settled") + events.finished
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "<img" not in text
    assert 'href="javascript' not in text


def test_a_frame_shows_whole_blocks_once_and_the_finish_shows_all(browser: Browser) -> None:
    upstream = "chat;chunks=6;chunk_ms=120;text=one\\n\\n,two\\n\\n,three\\n\\n"
    events = browser.ask("hi", browser.caller.desk.model(upstream))
    settled = events.data("settled")
    assert settled.startswith("<p>one</p>\n<p>two</p>")
    assert settled.count("<p>one</p>") == 2, "chunks repeat the pieces, each is settled once"
    assert events.finished.count("<p>three</p>") == 2


def test_the_bill_grows_while_it_is_written(browser: Browser) -> None:
    model = browser.caller.desk.model("chat;chunks=10;chunk_ms=60", price={"input": "1000", "output": "8000"})
    events = browser.ask("hi", model)
    shown = [float(cost) for cost in re.findall(r"≈ ¥([0-9.]+)", events.data("facts"))]
    assert len(shown) >= 3
    assert shown == sorted(shown)
    assert shown[0] < shown[-1]


# --- strangers ---------------------------------------------------------------------------------------
def test_nobody_else_can_open_see_stop_or_continue_it(
    play_desk: Desk, browser: Browser, open_browser: OpenBrowser, chat: str
) -> None:
    stranger = open_browser(play_desk.caller())
    (path,) = browser.streams("secret", chat)
    conversation, answer = browser.conversation, browser.answer
    assert stranger.listen(path).is_closed_only
    assert stranger.get(f"/playground/{conversation.pk}/").status_code == 404
    assert stranger.get(f"/playground/answers/{answer.pk}/").status_code == 404
    assert stranger.post(f"/playground/answers/{answer.pk}/stop/").status_code == 404
    assert stranger.post("/playground/stop/", {"conversation": conversation.pk}).status_code == 404
    assert stranger.post(f"/playground/{conversation.pk}/rename/", {"title": "x"}).status_code == 404
    assert stranger.post(f"/playground/{conversation.pk}/delete/").status_code == 404
    assert stranger.send("hi", chat, conversation=conversation).status_code == 404
    assert stranger.post("/playground/code/", {"conversation": conversation.pk, "model": chat}).status_code == 404
    assert "secret" not in stranger.get("/playground/history/").text
    assert browser.answer.state == "new"
    assert "finished" in browser.listen(path).names


def test_without_a_session_a_stream_only_closes(browser: Browser, chat: str) -> None:
    (path,) = browser.streams("hi", chat)
    browser.http.cookies.clear()
    assert browser.listen(path).is_closed_only
    assert browser.answer.state == "new"


def test_no_request_from_outside_can_claim_to_be_a_user(caller: Caller, chat: str) -> None:
    """The principal of an in-process call is an argument; nothing that HTTP carries becomes one."""
    body = {"model": chat, "messages": [{"role": "user", "content": "hi"}]}
    workspace = str(caller.workspace.pk)
    for name in ("principal", "x-principal", "workspace-id", "x-workspace-id", "x-forwarded-user"):
        response = caller.desk.http.post("/v1/chat/completions", json=body, headers={name: workspace})
        assert response.status_code == 401
    assert caller.records() == 0


# --- without JavaScript --------------------------------------------------------------------------------
def test_a_plain_form_answers_within_the_post(browser: Browser, chat: str) -> None:
    response = browser.send("hi", chat, key="plain", htmx=False)
    assert response.status_code == 302
    assert response.headers["location"] == f"/playground/{browser.conversation.pk}/"
    assert "w1 w2" in browser.get(response.headers["location"]).text
    again = browser.send("hi", chat, key="plain", htmx=False)
    assert again.headers["location"] == response.headers["location"]
    assert (browser.turns, browser.caller.records()) == (1, 1)


def test_a_plain_form_that_is_not_waited_for_is_answered_once_and_kept(browser: Browser) -> None:
    model = browser.caller.desk.model("chat;chunks=60;chunk_ms=50")
    form = {"prompt": "hi", "model": model, "key": "gone", "conversation": ""}
    with pytest.raises(httpx.ReadTimeout):
        browser.http.post("/playground/turns/", data=form, timeout=1.5)
    browser.answer_when("done", 15)
    assert browser.send("hi", model, key="gone", htmx=False).status_code == 302
    assert (browser.turns, browser.caller.records()) == (1, 1)
    browser.caller.holds_nothing()


# --- beside it ---------------------------------------------------------------------------------------
def test_the_estimate_is_what_the_gateway_would_hold(browser: Browser, chat: str) -> None:
    fields = {"prompt": "你好 world", "model": [chat, chat], "max_tokens": "100", "conversation": ""}
    shown = browser.post("/playground/estimate/", fields).text
    body = {"model": chat, "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": "你好 world"}]}
    one = browser.caller.post("/v1/estimate", body).json()["max_cost"]
    assert f"¥{2 * float(one):.6f}" in shown


def test_a_page_that_lost_its_stream_sees_how_it_ends(browser: Browser, chat: str) -> None:
    (path,) = browser.streams("hi", chat)
    waiting = browser.get(f"/playground/answers/{browser.answer.pk}/").text
    assert 'hx-trigger="load delay' in waiting
    assert "sse-connect" not in waiting
    browser.listen(path)
    seen = browser.get(f"/playground/answers/{browser.answer.pk}/").text
    assert "w1 w2" in seen
    assert "hx-trigger" not in seen
    cost, left = browser.answer.cost_nano, browser.caller.balance_nano
    assert cost
    assert f'id="session-cost" hx-swap-oob="innerHTML">¥{cost / 10**9:.6f}<' in seen
    assert f'id="balance" title="¥{left / 10**9:,.9f}"' in seen
