"""从价目表导入 with scripts: the search narrows while one types, and all that is in view is ticked at once."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser

PAGE = "/models/catalogs/?catalog=paratera"


def test_the_search_narrows_the_table_and_keeps_what_is_ticked(tab: OpenTab) -> None:
    one = tab("admin")
    one.open(PAGE)
    boxes = one.page.locator("input[name=selected]")
    expect(boxes).to_have_count(24)
    one.page.locator("[value='QwQ-32B']").check()
    one.page.get_by_role("searchbox").fill("glm-4-air")
    expect(boxes.locator("visible=true")).to_have_count(2)
    expect(one.page.locator("tr.group:visible")).to_have_text(["GLM-4 系列"])
    one.page.locator("[data-select-all]").check()
    expect(one.page.locator("input[name=selected]:checked")).to_have_count(3)
    expect(one.page.locator("[data-chosen]:visible")).to_have_text("3")
    one.page.get_by_role("searchbox").fill("")
    expect(boxes.locator("visible=true")).to_have_count(24)


def test_ticked_models_are_imported_and_seen_in_the_list(tab: OpenTab) -> None:
    one = tab("admin")
    one.open(PAGE)
    one.page.get_by_label("推理 URL").fill("https://paratera.example/v1")
    one.page.get_by_label("名称前缀").fill("walk/")
    for name in ("QwQ-32B", "GLM-4-Flash"):
        one.page.locator(f"[value='{name}']").check()
    one.page.get_by_role("button", name="导入为停用").click()
    one.page.wait_for_url("**/models/")
    expect(one.page.locator("#toasts")).to_contain_text("已导入 2 个模型，未启用")
    one.open("/models/?q=walk/")
    expect(one.page.locator(".models-table .row-link")).to_have_text(["walk/GLM-4-Flash", "walk/QwQ-32B"])
    one.page.locator("[data-select-all]").check()
    one.page.locator(".models-bar [value=delete]").click()
    one.page.locator("#ask .danger-fill").click()
    expect(one.page.locator(".models-table .row-link")).to_have_count(0)
