"""Looks that walks are made in, and steps that several share. Each step ends where the page has come to rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.chrome import NARROW, WIDE
from tests.chaos.chaos_product import PASSWORD

if TYPE_CHECKING:
    from simulator.recorder import Recorded
    from tests.browser.chrome import Tab
    from tests.browser.demo import Site


@dataclass(frozen=True)
class Look:
    locale: str
    scheme: str
    width: int

    @property
    def name(self) -> str:
        return f"{self.locale[:2]}-{self.scheme}-{self.width}"

    @property
    def options(self) -> dict[str, str | int]:
        return {"locale": self.locale, "color_scheme": self.scheme, "width": self.width}


# Every pair of language, theme and width.
LOOKS = (
    Look("zh-CN", "light", WIDE),
    Look("zh-CN", "dark", NARROW),
    Look("en-US", "light", NARROW),
    Look("en-US", "dark", WIDE),
)
LANGUAGES = {"zh-CN": "zh-Hans", "en-US": "en"}
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 17, 21)"}


def check(tab: Tab, look: Look) -> None:
    """The page as it stands now: in the language and theme asked for, inside its window, accessible."""
    expect(tab.page.locator("html")).to_have_attribute("lang", LANGUAGES[look.locale])
    expect(tab.page.locator("body")).to_have_css("background-color", BACKGROUNDS[look.scheme])
    assert tab.sticking_out() == []
    assert tab.inaccessible() == []


def sign_up(tab: Tab, username: str, password: str = PASSWORD) -> None:
    """Ends on the overview, signed in."""
    tab.open("/accounts/signup/")
    tab.page.fill("[name=username]", username)
    tab.page.fill("[name=password1]", password)
    tab.page.fill("[name=password2]", password)
    tab.page.press("[name=password2]", "Enter")
    tab.page.wait_for_url(f"{tab.url}/")


def sign_out(tab: Tab) -> None:
    tab.page.locator(".nav-user summary").click()
    tab.page.locator(".nav-user form button").last.click()
    tab.page.wait_for_url("**/accounts/login/**")


def go(tab: Tab, path: str) -> None:
    """By the navigation, as people do: on a small screen it has to be opened first."""
    opener = tab.page.locator(".nav-toggle")
    if opener.is_visible():
        opener.click()
    tab.page.locator(f"#nav-items a[href='{path}']").click()
    tab.page.wait_for_url(f"{tab.url}{path}")
    tab.settle()


def choose(tab: Tab, menu: str, word: str) -> None:
    """A choice of a menu of the top bar: `menu` and `word` as they are shown."""
    tab.page.locator(f".preferences summary[aria-label='{menu}']").click()
    tab.page.locator(".preferences").get_by_role("button", name=word).click()
    tab.page.wait_for_load_state()


def send(tab: Tab, prompt: str) -> None:
    """Asks in the playground. Ends when the page shows the answer's beginning."""
    answers = tab.page.locator(".answer")
    before = answers.count()
    tab.page.fill("#prompt", prompt)
    tab.page.press("#prompt", "Enter")
    expect(answers).to_have_count(before + 1)


def asked_upstream(site: Site, prompt: str) -> Recorded:
    """The one call that carried the prompt; probes go on all the time."""
    [found] = [call for call in site.product.upstream.requests if call.body and last_message(call) == prompt]
    return found


def last_message(call: Recorded) -> object:
    messages = call.json.get("messages") or [{}]
    return messages[-1].get("content")
