"""One product with the demo in it and one Chromium for all browser tests; a tab per test."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser.chrome import Chrome, Tab
    from tests.browser.demo import Site


class OpenTab(Protocol):
    def __call__(self, who: str = "visitor", **options: Any) -> Tab: ...


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    # Imported here, and Playwright below: whoever runs other tests need not wait for them.
    from tests.browser.demo import site_running

    with site_running(tmp_path_factory.mktemp("browser") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    from tests.browser.chrome import chromium_start

    with sync_playwright() as playwright:
        browser = chromium_start(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chrome(browser: Browser, site: Site) -> Chrome:
    from tests.browser.chrome import Chrome

    return Chrome(browser, site.url)


@pytest.fixture
def tab(chrome: Chrome) -> Iterator[OpenTab]:
    with tabs_watched(chrome) as open_tab:
        yield open_tab


@contextmanager
def tabs_watched(chrome: Chrome) -> Iterator[OpenTab]:
    """Opens tabs; at the end none may have noticed a fault."""
    tabs: list[Tab] = []
    with ExitStack() as stack:

        def open_tab(who: str = "visitor", **options: Any) -> Tab:
            tabs.append(stack.enter_context(chrome.tab(who, **options)))
            return tabs[-1]

        yield open_tab
    assert [fault for one in tabs for fault in one.faults] == []
