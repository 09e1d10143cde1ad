"""The developer's walk: sign up, look around, ask a model, stop it, make a key, call by it, find all in the bill."""

import os
import re
import subprocess
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chrome import Tab
from tests.browser.conftest import OpenTab
from tests.browser.demo import Site
from tests.browser.walks import LOOKS, Look, asked_upstream, check, go, send, sign_up
from tests.console.conftest import wait_until

pytestmark = pytest.mark.browser

TRIAL = Decimal(40)
MODEL, CAP = "QwQ-32B", 80  # says w1, w2 … one every 20 ms
STEPS = 5

# What an answer's text grows to, each time it changes on the page.
WATCH = """() => {
  window.lengths = [];
  new MutationObserver(() => {
    const length = document.querySelector(".answer:last-child .answer-text")?.innerText.trim().length ?? 0;
    if (length && length !== window.lengths.at(-1)) window.lengths.push(length);
  }).observe(document.getElementById("turns"), { childList: true, subtree: true, characterData: true });
}"""


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_a_developer_gets_from_signing_up_to_the_bill(tab: OpenTab, site: Site, look: Look) -> None:
    one, username = tab(**look.options), f"walker-{look.name}"
    sign_up(one, username)
    expect(one.page.locator(".page-head .facts")).to_contain_text("¥40.00")
    check(one, look)
    find_model(one, look)
    whole = ask_and_read(one, look)
    stopped = ask_and_stop(one, look, site)
    assert balance(one) == TRIAL - whole - stopped
    secret = make_key(one, look)
    called, left = call_as_the_guide_says(one, site, secret)
    assert left == TRIAL - whole - stopped - called
    assert receipts(one, look) == [called, stopped, whole]
    assert balance(one) == left
    assert site.product.available_nano(username) == left * 10**9, "and nothing is held"


# --- the steps -----------------------------------------------------------------------------------------
def find_model(one: Tab, look: Look) -> None:
    go(one, "/catalogue/")
    one.page.locator("#found").get_by_role("link", name=MODEL, exact=True).click()
    one.page.wait_for_url(f"**/catalogue/{MODEL}/")
    check(one, look)
    one.page.locator("main .actions a.primary").click()
    one.page.wait_for_url("**/playground/**")
    expect(one.page.locator("[name=model]")).to_have_value(MODEL)


def ask_and_read(one: Tab, look: Look) -> Decimal:
    """The answer grows on the page, and says at its end what it cost."""
    cap(one, str(CAP))
    one.page.evaluate(WATCH)
    send(one, "大海为什么是蓝色的")
    answer = finished(one)
    lengths = one.page.evaluate("() => window.lengths")
    assert lengths == sorted(lengths)
    assert len(lengths) >= STEPS, "it came in few pieces, or at once"
    expect(answer.locator(".answer-text")).to_contain_text(f"w{CAP}")
    expect(answer.locator(".answer-foot")).to_contain_text(re.compile(rf"\d \+ {CAP}\b.*¥0\.\d{{6}}.*\d ms", re.DOTALL))
    check(one, look)
    return cost(answer)


def ask_and_stop(one: Tab, look: Look, site: Site) -> Decimal:
    """The upstream is told within a second, and what was said until then is paid."""
    cap(one, "")
    prompt = f"说得详细一点，{look.name}"
    send(one, prompt)
    expect(one.page.locator(".answer").last).to_contain_text("w5 ")
    check(one, look)
    one.page.locator("[data-stop]").click()
    asked = asked_upstream(site, prompt)
    wait_until(lambda: asked.closed_at is not None, seconds=2, what="the upstream's connection to be closed")
    answer = finished(one)
    expect(answer.locator(".answer-head .status.off")).to_be_visible()
    check(one, look)
    return cost(answer)


def make_key(one: Tab, look: Look) -> str:
    go(one, "/keys/")
    one.page.locator("main a.primary").first.click()
    one.page.fill("[name=name]", "walk")
    one.page.press("[name=name]", "Enter")
    secret = one.page.locator("#secret").inner_text()
    assert secret in one.page.locator(".code pre").first.inner_text(), "the first call is ready to be copied"
    check(one, look)
    one.open("/keys/")
    assert secret not in one.page.content(), "shown once"
    return secret


def call_as_the_guide_says(one: Tab, site: Site, secret: str) -> tuple[Decimal, Decimal]:
    """The copied command, run by a shell: cost and balance as its last comment says them."""
    go(one, "/guide/")
    one.page.locator("[data-copy-shown]").click()
    command = one.page.evaluate("() => navigator.clipboard.readText()")
    wait_until(lambda: site.product.is_known(secret), seconds=2, what="the new key's first call")
    environment = {**os.environ, "MODEL_CONSOLE_KEY": secret}
    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    said = re.search(r"^: cost=(\S+) balance=(\S+)\n\ndata: \[DONE\]$", done.stdout, re.MULTILINE)
    assert said, done.stdout
    return Decimal(said[1]), Decimal(said[2])


def receipts(one: Tab, look: Look) -> list[Decimal]:
    """The cost of each call by its receipt in the drawer, newest first; each agrees with the ledger."""
    go(one, "/billing/")
    one.page.locator(".book a.row-link").first.click()
    older, found = one.page.locator("#drawer a[rel=next]"), [receipt(one)]
    check(one, look)
    while older.count():
        shown = one.page.locator("#drawer [data-receipt]").get_attribute("data-receipt")
        older.click()
        expect(one.page.locator("#drawer [data-receipt]")).not_to_have_attribute("data-receipt", str(shown))
        found.append(receipt(one))
    one.page.locator("#drawer [data-close-drawer]").click()
    expect(one.page).to_have_url(f"{one.url}/billing/")
    return found


def receipt(one: Tab) -> Decimal:
    drawer = one.page.locator("#drawer")
    expect(drawer.locator(".agrees")).to_be_attached()
    one.settle()
    before, charged, after = (yuan(figure) for figure in drawer.locator(".receipt-balance b").all())
    assert before - charged == after
    assert yuan(drawer.locator(".money [title]")) == charged
    return charged


# --- what they are made of -----------------------------------------------------------------------------
def cap(one: Tab, tokens: str) -> None:
    """Sets max_tokens; on a small screen the parameters are opened for it, and closed again."""
    field, toggle = one.page.locator("#max_tokens"), one.page.locator(".play-tools [data-toggle-parameters]")
    opened = not field.is_visible()
    if opened:
        toggle.click()
    field.fill(tokens)
    if opened:
        one.page.keyboard.press("Escape")
        expect(field).to_be_hidden()


def finished(one: Tab) -> Locator:
    expect(one.page.locator(".answer[aria-busy=true]")).to_have_count(0)
    one.settle()
    expect(one.page.locator("[data-send]")).to_be_visible()
    return one.page.locator(".answer").last


def cost(answer: Locator) -> Decimal:
    return yuan(answer.locator(".answer-foot [title^='¥']"))


def balance(one: Tab) -> Decimal:
    """Exact, as the top bar has it."""
    return yuan(one.page.locator("#balance"))


def yuan(figure: Locator) -> Decimal:
    return Decimal(str(figure.get_attribute("title")).removeprefix("¥").replace(",", ""))
