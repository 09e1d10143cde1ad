"""What surrounds every page: signing in, navigation by keyboard, themes, languages, small screens, no scripts."""

import pytest
from playwright.sync_api import expect

from tests.browser.chrome import NARROW
from tests.browser.conftest import OpenTab
from tests.browser.demo import DEVELOPER, NEWCOMER
from tests.browser.walks import choose, go, sign_out, sign_up
from tests.chaos.chaos_product import PASSWORD

pytestmark = pytest.mark.browser

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(15, 17, 21)"


# --- signing in and up -------------------------------------------------------------------------------
def test_a_wrong_password_is_said_at_the_form_and_the_right_one_leads_in(tab: OpenTab) -> None:
    one = tab()
    one.open("/keys/")
    assert one.page.url.endswith("/accounts/login/?next=/keys/")
    one.page.fill("[name=login]", DEVELOPER)
    one.page.fill("[name=password]", "not the pass phrase")
    one.page.press("[name=password]", "Enter")
    expect(one.page.locator(".errorlist, .error").first).to_be_visible()
    expect(one.page.locator("[name=login]")).to_have_value(DEVELOPER)
    one.page.fill("[name=password]", PASSWORD)
    one.page.press("[name=password]", "Enter")
    one.page.wait_for_url(f"{one.url}/keys/")


def test_who_signs_up_lands_on_the_overview_with_the_trial_credit(tab: OpenTab) -> None:
    one = tab()
    sign_up(one, "fresh")
    expect(one.page.locator("#balance")).to_have_text("¥40.00")


def test_who_signs_out_sees_nothing_any_more(tab: OpenTab) -> None:
    one = tab()
    one.sign_in(NEWCOMER)
    sign_out(one)
    one.open("/")
    assert "/accounts/login/" in one.page.url


# --- keyboard ----------------------------------------------------------------------------------------
def test_the_keyboard_reaches_the_content_first_and_then_the_navigation(tab: OpenTab) -> None:
    one = tab("developer")
    one.open("/")
    one.page.keyboard.press("Tab")
    expect(one.page.locator(".skip")).to_be_focused()
    one.page.keyboard.press("Enter")
    expect(one.page.locator("#main")).to_be_focused()
    one.open("/")
    link = one.page.locator("#nav a[href='/usage/']")
    for _ in range(30):
        one.page.keyboard.press("Tab")
        if link.evaluate("one => one === document.activeElement"):
            break
    expect(link).to_be_focused()
    assert link.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    one.page.keyboard.press("Enter")
    one.page.wait_for_url(f"{one.url}/usage/")


def test_ctrl_k_opens_the_palette_and_escape_closes_it(tab: OpenTab) -> None:
    one = tab("developer")
    one.open("/")
    one.page.keyboard.press("Control+k")
    expect(one.page.locator("#palette")).to_be_visible()
    expect(one.page.locator("#palette input[type=search]")).to_be_focused()
    one.page.keyboard.press("Escape")
    expect(one.page.locator("#palette")).to_be_hidden()


def test_escape_closes_a_menu_and_gives_the_focus_back(tab: OpenTab) -> None:
    one = tab("developer")
    one.open("/")
    opener = one.page.locator(".preferences summary").first
    opener.press("Enter")
    expect(one.page.get_by_role("button", name="English")).to_be_visible()
    one.page.keyboard.press("Escape")
    expect(one.page.get_by_role("button", name="English")).to_be_hidden()
    expect(opener).to_be_focused()


# --- theme and language ------------------------------------------------------------------------------
def test_a_chosen_theme_stays_and_the_system_decides_where_none_is(tab: OpenTab) -> None:
    one = tab("developer", color_scheme="dark")
    one.open("/")
    expect(one.page.locator("body")).to_have_css("background-color", DARK)
    choose(one, "外观", "浅色")
    expect(one.page.locator("body")).to_have_css("background-color", LIGHT)
    go(one, "/usage/")
    expect(one.page.locator("body")).to_have_css("background-color", LIGHT)


def test_a_chosen_language_stays_and_the_browsers_decides_where_none_is(tab: OpenTab) -> None:
    one = tab("developer", locale="en-US")
    one.open("/")
    expect(one.page.locator("#nav a[href='/usage/']")).to_have_text("Usage")
    choose(one, "Language", "简体中文")
    expect(one.page.locator("#nav a[href='/usage/']")).to_have_text("用量")
    one.open("/keys/")
    assert one.page.evaluate("document.documentElement.lang") == "zh-Hans"


def test_compact_rows_are_lower(tab: OpenTab) -> None:
    one = tab("admin")
    one.open("/styleguide/")
    row = one.page.locator(".table-wrap tbody tr").first
    before = row.evaluate("one => one.offsetHeight")
    choose(one, "外观", "紧凑行高")
    expect(one.page.locator("html")).to_have_attribute("data-density", "compact")
    assert row.evaluate("one => one.offsetHeight") < before


# --- small screens -----------------------------------------------------------------------------------
def test_on_a_small_screen_the_navigation_is_a_sheet_that_escape_and_a_click_beside_close(tab: OpenTab) -> None:
    one = tab("developer", width=NARROW)
    one.open("/")
    sheet, opener = one.page.locator("#nav"), one.page.locator(".nav-toggle")
    expect(sheet).to_be_hidden()
    opener.click()
    expect(sheet).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(one.page.locator("#nav [aria-current=page]")).to_be_focused()
    one.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    one.page.mouse.click(NARROW - 10, 400)
    expect(sheet).to_be_hidden()
    opener.click()
    sheet.get_by_role("link", name="关闭导航").click()
    expect(sheet).to_be_hidden()


def test_between_small_and_wide_the_navigation_is_icons_that_say_their_names(tab: OpenTab) -> None:
    one = tab("developer", width=900)
    one.open("/")
    assert one.page.locator("#nav").evaluate("one => one.offsetWidth") == 56
    link = one.page.locator("#nav a[href='/usage/']")
    expect(link).to_have_accessible_name("用量")


# --- without scripts ---------------------------------------------------------------------------------
def test_without_scripts_the_sheet_opens_and_closes_and_preferences_work(tab: OpenTab) -> None:
    one = tab("developer", width=NARROW, java_script_enabled=False)
    one.page.goto(f"{one.url}/")
    sheet = one.page.locator("#nav")
    expect(sheet).to_be_hidden()
    one.page.locator(".nav-toggle").click()
    expect(sheet).to_be_visible()
    sheet.get_by_role("link", name="关闭导航").click()
    expect(sheet).to_be_hidden()
    one.page.locator(".user-menu > summary").click()
    one.page.get_by_role("button", name="深色").click()
    expect(one.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(one.page.locator(".tool[data-palette]")).to_be_hidden()


# --- components --------------------------------------------------------------------------------------
def test_a_code_block_shows_the_chosen_language_and_copies_it(tab: OpenTab) -> None:
    one = tab("admin")
    one.open("/styleguide/")
    one.page.get_by_role("tab", name="Python").click()
    block = one.page.get_by_role("tabpanel", name="Python")
    expect(block).to_be_visible()
    expect(one.page.get_by_role("tabpanel", name="curl")).to_be_hidden()
    one.page.locator("[data-copy-shown]").click()
    expect(one.page.locator("[data-copy-shown]")).to_have_text("已复制")
    assert one.page.evaluate("navigator.clipboard.readText()") == block.text_content()
    one.page.get_by_role("tab", name="Python").press("ArrowLeft")
    expect(one.page.get_by_role("tab", name="curl")).to_be_focused()
    expect(one.page.get_by_role("tabpanel", name="curl")).to_be_visible()


def test_of_many_toasts_the_newest_are_shown(tab: OpenTab) -> None:
    one = tab("developer")
    one.open("/")
    one.page.evaluate("""() => { for (const text of "abcdef")
      document.dispatchEvent(new CustomEvent("toast", { detail: { text } })); }""")
    expect(one.page.locator(".toast .words")).to_have_text(["c", "d", "e", "f"])


def test_a_dialog_opens_and_escape_closes_it(tab: OpenTab) -> None:
    one = tab("admin")
    one.open("/styleguide/")
    one.page.get_by_role("button", name="打开对话框").click()
    expect(one.page.locator("#sg-real")).to_be_visible()
    assert one.inaccessible() == []
    one.page.keyboard.press("Escape")
    expect(one.page.locator("#sg-real")).to_be_hidden()


def test_the_styleguide_is_for_admins(tab: OpenTab) -> None:
    one = tab("developer")
    one.expected.append("404")
    assert one.open("/styleguide/") == 404
