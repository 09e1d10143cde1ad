"""Debian's Chromium, and tabs that notice what a page does wrong."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.demo import ADMIN, DEVELOPER, NEWCOMER
from tests.chaos.chaos_product import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
# A page that asks for another host gets no answer, on a machine with a network as on one without.
ALONE = ["--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
WIDE, NARROW = 1440, 360
USERNAMES = {"admin": ADMIN, "developer": DEVELOPER, "newcomer": NEWCOMER}
TIMEOUT_MS = 15_000
SERIOUS = ("serious", "critical")

# What sticks out to the right of the window, were it not for code, which may scroll in its own box.
STICKING_OUT = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5)
  .slice(0, 5).map((one) => `${one.tagName.toLowerCase()}.${one.className}`)"""

# One that was called off in between, with its element, never ends.
STILL = """() => Promise.race([new Promise((done) => setTimeout(done, 1000)), Promise.all(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().iterations !== Infinity)
  .map((one) => one.finished.catch(() => 0)))])"""


def chromium_start(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *ALONE])


@dataclass
class Tab:
    """`faults` collects errors of the console and the page, and requests to any host but ours."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(TIMEOUT_MS)
        self.page.on("console", self.on_console)
        self.page.on("pageerror", lambda error: self.note(f"error: {error}"))
        self.page.on("request", self.on_request)

    def note(self, fault: str) -> None:
        if not any(part in fault for part in self.expected):
            self.faults.append(f"{self.page.url}: {fault}")

    def on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.note(f"console: {message.text}")

    def on_request(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme in ("http", "https", "ws", "wss") and asked.netloc != urlsplit(self.url).netloc:
            self.note(f"a request leaves for {asked.netloc}")

    def open(self, path: str) -> int:
        """The status. The page has settled: loaded, with no request under way but streams."""
        answer = self.page.goto(f"{self.url}{path}", wait_until="load")
        self.settle()
        return answer.status if answer else 0

    def settle(self) -> None:
        """Until htmx has put everything in its place."""
        expect(self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0, timeout=TIMEOUT_MS)

    def resize(self, width: int) -> None:
        self.page.set_viewport_size({"width": width, "height": 780 if width < 720 else 900})

    def sticking_out(self) -> list[str]:
        found: list[str] = self.page.evaluate(STICKING_OUT)
        return found

    def inaccessible(self) -> list[str]:
        """axe's serious and critical findings, each with the first places."""
        self.page.evaluate(STILL)  # half-transparent text in the middle of a fade is no finding
        found = Axe().run(self.page).response["violations"]
        return [finding_text(one) for one in found if one["impact"] in SERIOUS]

    def sign_in(self, username: str, password: str = PASSWORD) -> None:
        self.open("/accounts/login/")
        self.page.fill("[name=login]", username)
        self.page.fill("[name=password]", password)
        self.page.press("[name=password]", "Enter")
        self.page.wait_for_url(f"{self.url}/")


def finding_text(finding: dict[str, Any]) -> str:
    places = "; ".join(f"{node['target'][0]} {node['html'][:120]}" for node in finding["nodes"][:3])
    return f"{finding['impact']} {finding['id']}: {finding['help']} ({len(finding['nodes'])} times): {places}"


@dataclass
class Chrome:
    """One browser on one site. Each person signs in once; every tab has a context, so cookies, of its own."""

    browser: Browser
    url: str
    sessions: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def tab(self, who: str = "visitor", *, width: int = WIDE, locale: str = "zh-CN", **options: Any) -> Iterator[Tab]:
        """`who` as in `pages.Page`; options as Playwright's `new_context` takes them."""
        context = self.context(width=width, locale=locale, storage_state=self.session(who), **options)
        try:
            yield Tab(context.new_page(), self.url)
        finally:
            context.close()

    def context(self, *, width: int, **options: Any) -> BrowserContext:
        context = self.browser.new_context(viewport={"width": width, "height": 780 if width < 720 else 900}, **options)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        return context

    def session(self, who: str) -> Any:
        if who not in USERNAMES:
            return None
        if who not in self.sessions:
            with self.tab() as tab:
                tab.sign_in(USERNAMES[who])
                self.sessions[who] = tab.page.context.storage_state()
        return self.sessions[who]
