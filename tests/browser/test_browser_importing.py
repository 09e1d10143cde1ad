"""Import that helps, with scripts: a pasted command, the upstream's list, a file, a copy."""

import pytest
from playwright.sync_api import expect

from tests.browser.chrome import Tab
from tests.browser.conftest import OpenTab
from tests.browser.demo import Site

pytestmark = pytest.mark.browser

IMPORT = "/models/import/"
PASTE = """text => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const box = document.getElementById("id_curl");
  box.value = text;
  box.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true}));
}"""


def whole(one: Tab) -> None:
    """Nothing to complain about, wide and narrow."""
    assert one.inaccessible() == []
    one.resize(360)
    assert one.sticking_out() == []
    assert one.inaccessible() == []
    one.resize(1440)


def gone(one: Tab, *names: str) -> None:
    """Nothing is left for other tests to stumble over."""
    for name in names:
        one.open(f"/models/?q={name}")
        while one.page.locator("td.more summary").count():
            one.page.locator("td.more summary").first.click()
            one.page.locator("td.more .danger").first.click()
            one.page.locator("#ask .danger-fill").click()
            one.settle()


def test_a_pasted_command_fills_the_form_and_the_model_is_saved(tab: OpenTab, site: Site) -> None:
    one = tab("admin")
    one.open(IMPORT)
    one.page.fill("#id_rpm", "600")
    one.page.locator(".import-paste > summary").click()
    url = f"{site.product.upstream.url}/v1/embeddings"
    command = (
        f"curl '{url}' -H 'Authorization: Bearer sk-pasted' \\\n -d '{{\"model\": \"pasted-model\", \"input\": []}}'"
    )
    one.page.evaluate(PASTE, command)
    expect(one.page.locator("#id_upstream_model")).to_have_value("pasted-model")
    expect(one.page.locator("#id_inference_url")).to_have_value(f"{site.product.upstream.url}/v1")
    expect(one.page.locator("#id_kind_embedding")).to_be_checked()
    expect(one.page.locator("#id_api_key")).to_have_value("sk-pasted")
    expect(one.page.locator("#id_rpm")).to_have_value("600")
    expect(one.page.locator("#id_curl")).to_have_value("")
    whole(one)
    one.page.locator("label:has(#id_kind_llm)").click()
    one.settle()
    expect(one.page.locator("#id_api_key")).to_have_value("sk-pasted")
    one.page.locator(".import-saves [value=save]").click()
    one.page.wait_for_url("**/models/?kind=llm")
    gone(one, "pasted-model")


def test_the_upstreams_list_is_searched_ticked_and_imported(tab: OpenTab, site: Site) -> None:
    one = tab("admin")
    one.open(IMPORT)
    one.page.locator("label:has(#id_vendor_openai_compatible)").click()
    one.settle()
    one.page.fill("#id_inference_url", site.product.upstream.url)
    one.page.fill("#id_api_key", "sk-listed")
    one.page.locator("#list-fetch").click()
    rows = one.page.locator(".upstream-table tbody tr")
    expect(rows).to_have_count(5)
    expect(one.page.locator("#id_api_key")).to_have_value("sk-listed")
    expect(one.page.locator("#list-fetch")).to_be_focused()
    one.page.get_by_role("searchbox", name="搜索模型").fill("e")
    expect(rows.locator("visible=true")).to_have_count(3)
    one.page.locator(".upstream-table [data-select-all]").check()
    expect(one.page.locator("#upstream-list [data-chosen]")).to_have_text("3")
    whole(one)
    one.page.fill("#id_name_prefix", "listed/")
    one.page.locator("label:has(#id_unit_free)").click()
    one.settle()
    expect(rows.locator("input:checked")).to_have_count(3)
    one.page.locator("[name=listed_priced]").check()
    one.page.locator("[value=take]").click()
    one.page.wait_for_url("**/models/?kind=*")
    expect(one.page.locator("#toasts")).to_contain_text("已导入 3 个模型，未启用")
    gone(one, "listed/")


def test_a_file_is_previewed_and_confirmed(tab: OpenTab) -> None:
    one = tab("admin")
    one.open("/models/file/")
    rows = "name,kind,vendor,inference_url,model,free\nfiled/a,llm,ollama,http://127.0.0.1:11434/v1,a,true\n"
    one.page.set_input_files(
        "#id_file", {"name": "m.csv", "mimeType": "text/csv", "buffer": f"{rows}filed/b,llm\n".encode()}
    )
    one.page.locator(".models-file [type=submit]").click()
    expect(one.page.locator(".plan-table .badge.bad")).to_have_text("有误")
    whole(one)
    one.page.set_input_files("#id_file", {"name": "m.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    one.page.locator(".models-file [type=submit]").click()
    expect(one.page.locator(".plan-table .badge")).to_have_text(["新增"])
    one.page.get_by_role("button", name="确认导入").click()
    one.page.wait_for_url("**/models/")
    expect(one.page.locator("#toasts")).to_contain_text("已导入：新增 1，更新 0，不变 0")
    gone(one, "filed/")


def test_a_model_is_duplicated_from_the_list(tab: OpenTab) -> None:
    one = tab("admin")
    one.open("/models/?q=GLM-4-Flash")
    one.page.locator("td.more summary").first.click()
    one.page.locator("td.more a[href$='/copy/']").first.click()
    expect(one.page.locator("#id_name")).to_have_value("GLM-4-Flash-copy")
    whole(one)
    one.page.locator(".import-saves [value=save]").click()
    one.page.wait_for_url("**/models/?kind=llm")
    gone(one, "GLM-4-Flash-copy")
