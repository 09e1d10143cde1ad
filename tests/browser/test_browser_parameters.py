"""The parameter panel follows the models that are chosen, and says what each is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.chrome import Tab
    from tests.browser.conftest import OpenTab
    from tests.browser.demo import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def vendors(site: Site) -> Iterator[tuple[str, str]]:
    """A model of 通义千问 and one of 火山引擎, both answered by the simulator."""
    names = ("qwen-panel", "ark-panel")
    answering = {"inference_url": f"{site.product.upstream.url}/v1", "model": "chat;chunks=4", "api_key": "k"}
    endpoints = [{"vendor": vendor, **answering} for vendor in ("dashscope", "ark")]
    site.product.apply(
        [
            {"name": name, "upstream": "", "price": {"free": True}, "endpoints": [endpoint]}
            for name, endpoint in zip(names, endpoints, strict=True)
        ]
    )
    yield names
    for name in names:
        site.product.manage("model_disable", name)


def fields(one: Tab) -> set[str]:
    named = one.page.locator("#parameter-fields [name]").evaluate_all("(all) => all.map((one) => one.name)")
    return {str(name) for name in named}


def good_on_all_screens(one: Tab) -> None:
    assert one.inaccessible() == []
    one.page.emulate_media(color_scheme="dark")
    assert one.inaccessible() == []
    one.resize(360)
    one.page.locator(".play-tools [data-toggle-parameters]").click()
    expect(one.page.locator("#parameters")).to_be_visible()
    assert one.sticking_out() == []
    assert one.inaccessible() == []


def test_the_panel_is_drawn_anew_for_each_model_and_keeps_what_both_know(
    tab: OpenTab, vendors: tuple[str, str]
) -> None:
    qwen, ark = vendors
    one = tab("developer")
    one.expected += ["htmx:sendAbort", "htmx:afterRequest"]  # an estimate that typing made old
    one.open(f"/playground/?model={qwen}")
    assert {"enable_search", "seed", "presence_penalty"} <= fields(one)
    one.page.fill("#temperature", "0.4")
    one.page.fill("#seed", "7")
    one.page.locator("label:has([name=enable_search][value=true])").click()
    picker = one.page.locator("[name=model]").first
    picker.select_option(ark)
    expect(one.page.locator("[name=do_sample]").first).to_be_attached()
    assert "enable_search" not in fields(one)
    expect(one.page.locator("#temperature")).to_have_value("0.4")
    expect(one.page.locator("[data-for=temperature]")).to_have_value("0.4")
    one.page.locator("[data-add-model]").click()
    one.page.locator("[name=model]").nth(1).select_option(qwen)
    expect(one.page.get_by_text(f"只发给 {qwen}").first).to_be_visible()
    assert {"enable_search", "do_sample"} <= fields(one)
    one.page.fill("#repetition_penalty", "1.1")
    one.page.get_by_role("button", name="查看代码").click()
    expect(one.page.locator("#drawer pre.hl").first).to_contain_text('"repetition_penalty": 1.1')
    expect(one.page.locator("#drawer pre.hl").first).not_to_contain_text("seed")
    one.page.locator("#drawer [data-close-drawer]").click()
    one.page.fill("#prompt", "各发各的")
    one.page.locator("[data-send]").click()
    expect(one.page.locator(".answer .status.ok")).to_have_count(2)
    good_on_all_screens(one)


def test_a_value_outside_its_range_is_told_and_stays(tab: OpenTab, vendors: tuple[str, str]) -> None:
    one = tab("developer")
    one.expected += ["422", "htmx:sendAbort", "htmx:afterRequest"]
    one.open(f"/playground/?model={vendors[0]}")
    one.page.fill("#temperature", "2")
    one.resize(360)  # the panel is closed: no field of it could say so itself
    one.page.fill("#prompt", "太热")
    one.page.locator("[data-send]").click()
    expect(one.page.locator("#composer-error")).to_contain_text("temperature: 取值范围是 [0, 2)")
    expect(one.page.locator("#prompt")).to_have_value("太热")
    expect(one.page.locator("#temperature")).to_have_value("2")
