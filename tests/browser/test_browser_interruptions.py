"""What people do in the middle of an answer: billed once, for what they got, and nothing stays held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.chrome import Chrome
from tests.browser.conftest import tabs_watched
from tests.browser.demo import DEVELOPER
from tests.browser.relay import Relay
from tests.browser.walks import asked_upstream, go, send
from tests.console.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser

    from tests.browser.chrome import Tab
    from tests.browser.conftest import OpenTab
    from tests.browser.demo import Site

pytestmark = pytest.mark.browser

SLOW, QUICK = "QwQ-32B", "DeepSeek-V3"
ESTIMATE_MS = 600
ANSWERS = (
    "SELECT a.state, a.request_id, a.completion_tokens, a.cost_nano FROM inference_answer a"
    " JOIN inference_turn t ON t.id = a.turn_id WHERE t.prompt = '{prompt}'"
)
CALLS = (
    "SELECT count(*) FROM billing_usagerecord r JOIN accounts_membership m ON m.workspace_id = r.workspace_id"
    " JOIN accounts_user u ON u.id = m.user_id WHERE u.username = '{username}'"
)


class Books:
    """What a test's one prompt left behind; made before it is sent."""

    def __init__(self, site: Site, prompt: str) -> None:
        self.site, self.prompt = site, prompt
        self.product = site.product
        self.calls_before = self.calls()
        self.available_before = self.product.available_nano(DEVELOPER)

    def calls(self) -> int:
        return int(self.product.rows(CALLS.format(username=DEVELOPER))[0][0])

    def check(self, state: str) -> int:
        """One answer, one call, its charge and no hold; how many tokens were paid."""
        wait_until(lambda: self.is_settled(state), seconds=10, what=f"one answer that is {state}")
        [(_, request_id, tokens, cost_nano)] = self.product.rows(ANSWERS.format(prompt=self.prompt))
        wait_until(lambda: self.is_without_hold(cost_nano), seconds=5, what="a balance less by just the cost")
        outcome, charged_nano, counted = self.product.records()[request_id]
        assert outcome == {"stopped": "client_closed", "done": "success"}[state]
        assert (charged_nano, counted) == (cost_nano, tokens)
        assert self.calls() == self.calls_before + 1
        return int(tokens)

    def is_settled(self, state: str) -> bool:
        return [row[0] for row in self.product.rows(ANSWERS.format(prompt=self.prompt))] == [state]

    def is_without_hold(self, cost_nano: int) -> bool:
        return self.product.available_nano(DEVELOPER) == self.available_before - cost_nano > 0

    def check_upstream_closed(self) -> None:
        asked = asked_upstream(self.site, self.prompt)
        wait_until(lambda: asked.closed_at is not None, seconds=3, what="the upstream's connection to be closed")


def in_mid_stream(one: Tab, prompt: str) -> None:
    one.open(f"/playground/?model={SLOW}")
    send(one, prompt)
    expect(one.page.locator(".answer").last).to_contain_text("w5 ")


def reload(one: Tab) -> None:
    one.page.reload()


def back_and_forth(one: Tab) -> None:
    go(one, "/usage/")
    one.page.go_back()


@pytest.mark.parametrize("leave", [reload, back_and_forth], ids=lambda leave: leave.__name__)
def test_a_page_that_is_left_and_comes_back_shows_what_was_said_and_asks_nobody(
    tab: OpenTab, site: Site, leave: Callable[[Tab], None]
) -> None:
    books = Books(site, f"left by {leave.__name__}")
    one = tab("developer")
    in_mid_stream(one, books.prompt)
    leave(one)
    books.check_upstream_closed()
    answer = one.page.locator(".answer")
    expect(answer).to_have_count(1)
    expect(answer.locator(".answer-head .status.off")).to_be_visible()
    expect(answer).to_contain_text("w5 ")
    assert 5 <= books.check("stopped") < 1000
    assert one.inaccessible() == []


def test_a_closed_tab_stops_the_upstream_and_the_conversation_keeps_what_came(tab: OpenTab, site: Site) -> None:
    books = Books(site, "a tab that is closed")
    one = tab("developer")
    in_mid_stream(one, books.prompt)
    one.page.close()
    books.check_upstream_closed()
    assert 5 <= books.check("stopped") < 1000
    other = tab("developer")
    other.open("/playground/history/")
    other.page.get_by_role("link", name=books.prompt).click()
    expect(other.page.locator(".answer .status.off")).to_be_visible()
    assert 5 <= books.check("stopped") < 1000, "looking at it costs nothing"


def test_a_lost_connection_ends_the_answer_and_its_return_shows_the_end(browser: Browser, site: Site) -> None:
    """EventSource comes back by itself, for ever: to a used stream, which only says that it is closed."""
    books = Books(site, "a connection that is lost")
    with Relay(site.product.server.port) as wire, tabs_watched(Chrome(browser, wire.url)) as open_tab:
        one = open_tab("developer")
        # Chromium's words, what htmx logs of an EventSource, and of an estimate that was under way.
        one.expected += ["net::ERR_", "[object Event]", "htmx:afterRequest", "htmx:sendError"]
        in_mid_stream(one, books.prompt)
        wire.cut()
        books.check_upstream_closed()
        books.check("stopped")
        expect(one.page.locator(".answer .status.live")).to_be_visible()
        wire.mend()
        expect(one.page.locator(".answer .status.off")).to_be_visible(timeout=30_000)
        expect(one.page.locator("[data-send]")).to_be_visible()
        left = one.page.locator("#balance").get_attribute("title")
        assert left == f"¥{site.product.available_nano(DEVELOPER) / 10**9:,.9f}", "sums are as of the end"
    books.check("stopped")


def test_a_prompt_that_could_not_be_sent_stays_and_is_sent_once_later(tab: OpenTab, site: Site) -> None:
    books = Books(site, "sent without a connection")
    one = tab("developer")
    one.expected += ["net::ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest"]
    one.open(f"/playground/?model={QUICK}")
    one.page.context.set_offline(True)
    one.page.fill("#prompt", books.prompt)
    one.page.locator("[data-send]").click()
    expect(one.page.locator(".toast")).to_have_count(1)
    expect(one.page.locator("#prompt")).to_have_value(books.prompt)
    one.page.wait_for_timeout(ESTIMATE_MS)  # the cost estimate fails too, and nobody asked for it
    one.page.locator("[data-send]").click()
    expect(one.page.locator(".toast")).to_have_count(1)
    one.page.context.set_offline(False)
    one.page.locator("[data-send]").click()
    expect(one.page.locator(".answer .status.ok")).to_be_visible()
    books.check("done")


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_sent_twice_in_one_breath_is_one_turn(tab: OpenTab, site: Site, by: str) -> None:
    books = Books(site, f"twice by {by}")
    one = tab("developer")
    one.open(f"/playground/?model={QUICK}")
    one.page.fill("#prompt", books.prompt)
    if by == "mouse":
        one.page.locator("[data-send]").dblclick()
    else:
        one.page.keyboard.press("Enter")
        one.page.keyboard.press("Enter")
    expect(one.page.locator(".answer .status.ok")).to_be_visible()
    expect(one.page.locator(".turn")).to_have_count(1)
    books.check("done")


def second_click(one: Tab) -> None:
    one.page.mouse.down(click_count=2)
    one.page.mouse.up(click_count=2)


def test_a_late_second_click_neither_stops_nor_sends(tab: OpenTab, site: Site) -> None:
    books = Books(site, "twice with a slow hand")
    one = tab("developer")
    one.open(f"/playground/?model={SLOW}")
    one.page.fill("#prompt", books.prompt)
    box = one.page.locator("[data-send]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    one.page.mouse.click(x, y)
    expect(one.page.locator("[data-stop]")).to_be_visible()
    assert one.page.evaluate("([x, y]) => Boolean(document.elementFromPoint(x, y).closest('[data-stop]'))", [x, y])
    second_click(one)
    expect(one.page.locator(".answer")).to_contain_text("w20 ")
    one.page.mouse.click(x, y)
    expect(one.page.locator(".answer .status.off")).to_be_visible()
    second_click(one)
    one.page.locator("#prompt").press("Enter")
    expect(one.page.locator(".turn")).to_have_count(1)
    books.check("stopped")
