"""Every page: opens without an error, fits a small screen, and is accessible in both themes."""

from urllib.parse import urlsplit

import pytest

from tests.browser.chrome import Tab
from tests.browser.conftest import OpenTab
from tests.browser.pages import PAGES, Page

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_opens_fits_small_screens_and_is_accessible(tab: OpenTab, page: Page) -> None:
    one = tab(page.who)
    assert one.open(page.path) == 200
    assert marked_in_navigation(one) == one.page.locator(f"#nav-items a[href='{page.path}']").count()
    assert one.inaccessible() == []
    one.page.emulate_media(color_scheme="dark")
    assert one.inaccessible() == []
    one.resize(360)
    assert one.sticking_out() == []
    assert one.inaccessible() == []


def marked_in_navigation(one: Tab) -> int:
    """How many links of the navigation say that theirs is the page in view, and are right."""
    marked = one.page.locator("#nav-items [aria-current=page]").all()
    return sum(mark.get_attribute("href") == urlsplit(one.page.url).path for mark in marked)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_can_be_read_without_scripts(tab: OpenTab, page: Page) -> None:
    one = tab(page.who, java_script_enabled=False)
    answer = one.page.goto(f"{one.url}{page.path}")
    assert answer is not None
    assert answer.status == 200
    assert one.page.locator("h1").count() == 1
    assert one.page.locator("main").inner_text().strip()


@pytest.mark.parametrize("who", ["visitor", "developer"])
def test_the_api_reference_works_under_the_content_security_policy(tab: OpenTab, who: str) -> None:
    one = tab(who)
    assert one.open("/api/v1/docs") == 200
    one.page.get_by_role("heading", name="Model Console").wait_for()
    assert one.sticking_out() == []
