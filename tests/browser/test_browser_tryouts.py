"""Embedding, Rerank and OCR in the playground, as they are used."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parents[1] / "gateway"))  # its upstream that says what it is told

from gateway_servers import RawUpstream, http

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.chrome import Tab
    from tests.browser.conftest import OpenTab
    from tests.browser.demo import Site

pytestmark = pytest.mark.browser

RESULTS = {"embedding": "table.matrix", "rerank": "table.ranking"}
BOX = [[40, 20], [240, 20], [240, 60], [40, 60]]
READ = {"code": 0, "data": [{"page_num": [1], "text": "模型管理平台", "box": BOX}, {"page_num": [2], "text": "第二页"}]}


def good_on_all_screens(one: Tab) -> None:
    assert one.inaccessible() == []
    one.page.emulate_media(color_scheme="dark")
    assert one.inaccessible() == []
    one.resize(360)
    assert one.sticking_out() == []
    assert one.inaccessible() == []


@pytest.mark.parametrize("kind", RESULTS)
def test_an_example_is_sent_and_its_result_has_an_address(tab: OpenTab, kind: str) -> None:
    one = tab("developer")
    one.open("/playground/")
    one.page.locator(f".play-kinds a[href='/playground/{kind}/']").click()
    one.page.get_by_role("link", name="填入示例").click()
    one.page.locator("[data-send]").dblclick()
    one.page.locator(RESULTS[kind]).wait_for()
    one.settle()
    address = one.page.url
    assert f"/playground/{kind}/" in address
    one.page.reload()
    expect(one.page.locator(RESULTS[kind])).to_be_visible()
    one.page.locator("[data-send]").click()
    one.page.wait_for_url(lambda url: url != address)
    good_on_all_screens(one)
    one.page.go_back()
    one.page.wait_for_url(address)
    expect(one.page.locator(RESULTS[kind])).to_be_visible()


def test_what_it_may_cost_is_told_before_and_what_was_tried_is_found_again(tab: OpenTab) -> None:
    one = tab("developer")
    one.expected += ["htmx:sendAbort", "htmx:afterRequest"]  # an estimate that typing made old
    one.open("/playground/embedding/")
    expect(one.page.locator("#estimate")).to_have_text("—")
    text = "一段为了再找到它而写的话"
    one.page.fill("#texts", text)
    expect(one.page.locator("#estimate")).to_contain_text("约 ¥")
    one.page.locator("[data-send]").click()
    one.page.locator("#tried .answer-foot").wait_for()
    one.page.get_by_role("link", name="历史").click()
    drawer = one.page.locator("#drawer")
    expect(drawer.locator(".history li").first).to_contain_text(text)
    good_on_all_screens(one)
    drawer.get_by_role("link", name=text).click()
    expect(one.page.locator("#texts")).to_have_value(text)
    one.open("/playground/embedding/history/")
    good_on_all_screens(one)
    one.page.on("dialog", lambda dialog: dialog.accept())
    one.page.get_by_role("button", name=f"删除 {text}").click()
    one.settle()
    expect(one.page.get_by_text(text)).to_have_count(0)


@pytest.mark.parametrize("kind", RESULTS)
def test_it_works_without_scripts(tab: OpenTab, kind: str) -> None:
    one = tab("developer", java_script_enabled=False)
    one.page.goto(f"{one.url}/playground/{kind}/?example")
    one.page.locator("[data-send]").click()
    expect(one.page.locator(RESULTS[kind])).to_be_visible()
    one.page.get_by_role("button", name="查看代码").click()
    expect(one.page.locator("pre.hl").first).to_contain_text("curl")


def test_a_mistake_is_told_and_what_was_typed_stays(tab: OpenTab) -> None:
    one = tab("developer")
    one.expected.append("422")
    one.open("/playground/embedding/")
    one.page.fill("#texts", "\n".join("abcdefghijk"))
    one.page.locator("[data-send]").click()
    expect(one.page.locator("#tryout-error")).to_contain_text("最多 10 段文本")
    assert one.page.input_value("#texts").startswith("a\nb")
    one.page.fill("#texts", "a\nb")
    one.page.locator("[data-send]").click()
    one.page.locator("table.matrix").wait_for()
    expect(one.page.locator("#tryout-error")).to_be_empty()


@pytest.fixture
def reader(site: Site) -> Iterator[str]:
    """An OCR model that reads two lines in whatever it is shown, one of them in a box."""
    with RawUpstream(http(json.dumps(READ).encode())) as upstream:
        endpoint = {"vendor": "yuanjing", "inference_url": f"{upstream.url}/openapi/v1"}
        model = {"name": "ocr-with-boxes", "upstream": "", "kind": "ocr", "price": {"per_page": "0.01"}}
        site.product.apply([{**model, "endpoints": [endpoint]}])
        yield "ocr-with-boxes"
        site.product.manage("model_disable", "ocr-with-boxes")


def test_a_picture_is_shown_with_its_boxes_beside_what_was_read(tab: OpenTab, reader: str) -> None:
    one = tab("developer")
    one.open(f"/playground/?model={reader}")
    picture = one.page.screenshot()
    one.page.set_input_files("#file", {"name": "屏幕.png", "mimeType": "image/png", "buffer": picture})
    one.page.locator("[data-send]").click()
    expect(one.page.locator(".scan-picture polygon")).to_have_attribute("points", "40,20 240,20 240,60 40,60")
    expect(one.page.locator(".scan-text")).to_have_text(["模型管理平台", "第二页"])
    expect(one.page.locator(".scan-picture svg")).to_have_attribute("viewBox", "0 0 1440 900")
    good_on_all_screens(one)
    one.page.reload()
    expect(one.page.locator(".scan-text")).to_have_text(["模型管理平台", "第二页"])
    expect(one.page.locator(".scan-picture")).to_be_hidden()
