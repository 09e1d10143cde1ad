"""One product with the demo in it and one Chromium for all browser tests; a tab per test."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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
def chrome(site: Site) -> Iterator[Chrome]:
    from playwright.sync_api import sync_playwright

    from tests.browser.chrome import Chrome, chromium_start

    with sync_playwright() as playwright:
        browser = chromium_start(playwright)
        yield Chrome(browser, site.url)
        browser.close()


@pytest.fixture
def tab(chrome: Chrome) -> Iterator[OpenTab]:
    """Opens a tab; at the end no tab may have noticed a fault."""
    tabs: list[Tab] = []
    with ExitStack() as stack:

        def open_tab(who: str = "visitor", **options: Any) -> Tab:
            tabs.append(stack.enter_context(chrome.tab(who, **options)))
            return tabs[-1]

        yield open_tab
    assert [fault for one in tabs for fault in one.faults] == []
