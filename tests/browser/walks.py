"""Steps that several walks through the product share. Each ends where the page has come to rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.chaos_product import PASSWORD

if TYPE_CHECKING:
    from tests.browser.chrome import Tab


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
    """By the navigation, as people do."""
    tab.page.locator(f"#nav-items a[href='{path}']").click()
    tab.page.wait_for_url(f"{tab.url}{path}")
    tab.settle()


def choose(tab: Tab, menu: str, word: str) -> None:
    """A choice of a menu of the top bar: `menu` and `word` as they are shown."""
    tab.page.locator(f".preferences summary[aria-label='{menu}']").click()
    tab.page.locator(".preferences").get_by_role("button", name=word).click()
    tab.page.wait_for_load_state()
