"""Pages in a certain state: what `make shots` photographs beside the plain pages of `pages.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.sync_api import expect

from tests.browser.demo import LONG_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.chrome import Tab
    from tests.browser.demo import Site

    Act = Callable[[Tab, Site], None]


def nothing(_: Tab, __: Site) -> None: ...


@dataclass(frozen=True)
class Scene:
    """A page, and what is done on it before it is photographed; `status` is what it answers."""

    name: str
    path: str
    who: str = "developer"
    act: Act = nothing
    status: int = 200


# --- what is done ------------------------------------------------------------------------------------
def click(selector: str) -> Act:
    def act(tab: Tab, _: Site) -> None:
        tab.page.locator(selector).first.click()
        tab.settle()

    return act


def click_through(*selectors: str) -> Act:
    def act(tab: Tab, site: Site) -> None:
        for selector in selectors:
            click(selector)(tab, site)

    return act


def tick(*names: str) -> Act:
    def act(tab: Tab, _: Site) -> None:
        for name in names:
            tab.page.locator(f"input[type=checkbox][aria-label$='{name}']").first.check()
            tab.settle()

    return act


def asked(*models: str, prompt: str = "飞机怎么会飞？", waits: bool = True) -> Act:
    """A prompt in the playground; waits until every model has answered."""

    def act(tab: Tab, _: Site) -> None:
        page = tab.page
        tab.expected += ["htmx:sendAbort", "htmx:afterRequest"]  # an estimate that typing made old
        page.fill("#prompt", prompt)
        page.locator("[name=model]").first.select_option(models[0])
        add = page.locator("[data-add-model]")  # hidden where the last prompt went to two models
        if models[1:] and add.is_visible():
            add.click()
        if models[1:]:
            page.locator("[name=model]").nth(1).select_option(models[1])
        elif not add.is_visible():
            page.locator("[data-remove-model]").last.click()
        page.locator("[data-send]").click()
        page.locator(".answer").first.wait_for()
        if waits:
            page.locator(".answer .answer-head .status.ok").nth(len(models) - 1).wait_for(state="attached")
        else:
            expect(page.locator(".answer-text").first).to_have_text(re.compile(r"[^\0]{60}"))

    return act


def key_made(tab: Tab, _: Site) -> None:
    tab.page.fill("[name=name]", "客服机器人")
    tab.page.locator(".key-form .primary").click()
    tab.page.locator("#secret").wait_for()


def probed(url: str, model: str, *, key: str = "sk-demo") -> Act:
    """The import form with its address tried; `{upstream}` is the simulator's."""

    def act(tab: Tab, site: Site) -> None:
        page = tab.page
        page.locator("label:has(#id_vendor_openai_compatible)").click()
        tab.settle()
        page.fill("#id_name", "DeepSeek-R1-0528")
        page.fill("#id_upstream_model", model)
        with page.expect_response(lambda answer: "advise" in (answer.request.post_data or "")):
            page.fill("#id_inference_url", url.format(upstream=site.product.upstream.url))
        page.fill("#id_api_key", key)
        page.fill("#id_input", "4")
        page.fill("#id_output", "16")
        page.locator("#probe-panel button[value=probe]").click()
        page.locator("#probe-panel header .badge").wait_for()
        expect(page.locator("#missing")).to_have_text("")  # it is asked for a moment after the last field
        tab.settle()

    return act


def pasted(command: str) -> Act:
    """The import form, filled by a curl command."""

    def act(tab: Tab, site: Site) -> None:
        page = tab.page
        page.locator(".import-paste > summary").click()
        page.fill("#id_curl", command.format(upstream=site.product.upstream.url))
        page.locator("#paste-fill").click()
        page.locator(".import-paste [role=status]").wait_for()
        tab.settle()

    return act


def listed(path: str, *names: str, at: str = "") -> Act:
    """The import form with the upstream's own list read, and some of it ticked; `at` is another host."""

    def act(tab: Tab, site: Site) -> None:
        page = tab.page
        page.locator("label:has(#id_vendor_openai_compatible)").click()
        tab.settle()
        page.fill("#id_inference_url", f"{at or site.product.upstream.url}{path}")
        page.fill("#id_api_key", "sk-demo")
        page.locator("#list-fetch").click()
        page.locator(".upstream-table, .upstream-tried").wait_for()
        for name in names:
            page.get_by_label(f"选择 {name}", exact=True).check()
        page.locator("#upstream-list").scroll_into_view_if_needed()
        page.locator("#list-fetch").evaluate("button => button.scrollIntoView({block: 'start'}) || scrollBy(0, -220)")
        tab.settle()

    return act


def planned(*rows: str) -> Act:
    """A pasted models file and its preview."""

    def act(tab: Tab, _: Site) -> None:
        tab.page.fill("#id_text", "\n".join(("name,kind,vendor,inference_url,model,input,output,rpm,per_call", *rows)))
        tab.page.locator(".models-file [type=submit]").click()
        tab.page.locator(".plan-table").wait_for()
        tab.settle()

    return act


def applied(tab: Tab, site: Site) -> None:
    """A models file written: the page that follows, with its toast."""
    planned(ROWS[1])(tab, site)
    tab.page.get_by_role("button", name="确认导入").click()
    tab.page.wait_for_url("**/models/")
    tab.page.locator("#toasts .toast").wait_for()
    tab.settle()


def signed_in_too_often(tab: Tab, _: Site) -> None:
    """More sign-ins in a minute than one address is allowed."""
    tab.expected.append("429")
    for _number in range(32):
        tab.page.fill("[name=login]", "nobody")
        tab.page.fill("[name=password]", "wrong")
        tab.page.press("[name=password]", "Enter")
        tab.page.wait_for_load_state()
        if not tab.page.locator("[name=password]").count():
            return


def deleted_by_bulk(tab: Tab, site: Site) -> None:
    tick("DeepSeek-R1", "DeepSeek-V3")(tab, site)
    click(".models-bar [value=delete]")(tab, site)
    tab.page.locator("#ask[open] h2").wait_for()


WRONG_KEY = "chat;status=401;status_body=Incorrect API key provided"
CURL = """curl '{upstream}/v1/rerank' -H 'Authorization: Bearer $API_KEY' -d '{{"query": "苹果", "documents": [], }}'"""
ROWS = (
    "DeepSeek-R1,llm,openai_compatible,https://example.com/v1,deepseek-reasoner,4,16,600",
    "Qwen3-32B-new,llm,openai_compatible,https://example.com/v1,qwen3-32b,2,20,",
    f"{LONG_NAME}-copy,rerank,openai_compatible,https://example.com/v1,m,,,,0.01",
)
COMPARED = "&".join(f"compare={quote(name)}" for name in ("DeepSeek-R1", "Qwen3-235B-A22B", LONG_NAME))
SCENES = (
    Scene("overview_first", "/", "newcomer"),
    Scene("overview_admin", "/", "admin"),
    Scene("catalogue_cards", "/catalogue/?view=cards"),
    Scene("catalogue_ticked", "/catalogue/", act=tick("DeepSeek-R1", "Qwen3-235B-A22B")),
    Scene("catalogue_nothing", "/catalogue/?q=nothing-like-it"),
    Scene("catalogue_model", f"/catalogue/{quote('DeepSeek-R1')}/"),
    Scene("catalogue_long", f"/catalogue/{quote(LONG_NAME)}/"),
    Scene("compare_three", f"/compare/?{COMPARED}"),
    Scene("playground_done", "/playground/", act=asked("DeepSeek-R1")),
    Scene("playground_two", "/playground/", act=asked("DeepSeek-R1", "DeepSeek-V3")),
    Scene("playground_running", "/playground/", act=asked("QwQ-32B", waits=False)),
    Scene("playground_code", "/playground/", act=click("[formaction='/playground/code/']")),
    Scene("playground_compared", "/playground/embedding/?example", act=click("[data-send]")),
    Scene("playground_tried", "/playground/embedding/history/"),
    Scene("playground_ranked", "/playground/rerank/?example", act=click("[data-send]")),
    Scene("key_made", "/keys/new/", act=key_made),
    Scene("key_revoke", "/keys/", act=click("a[data-dialog]")),
    Scene("usage_month", "/usage/?days=30"),
    Scene("billing_receipt", "/billing/", act=click(".book .row-link")),
    Scene("billing_days", "/billing/?tab=days"),
    Scene("guide_sdk", "/guide/openai-sdk/"),
    Scene("guide_dashscope", "/guide/dashscope-sdk/"),
    Scene("guide_chatbox", "/guide/chatbox/"),
    Scene("guide_vendors", "/guide/vendors/"),
    Scene("guide_errors", "/guide/errors/"),
    Scene("models_menu", "/models/", "admin", act=click("td.more summary")),
    Scene("model_copy", "/models/", "admin", act=click_through("td.more summary", "td.more a[href$='/copy/']")),
    Scene("models_bulk", "/models/", "admin", act=tick("DeepSeek-R1", "DeepSeek-V3", "QwQ-32B")),
    Scene("models_delete", "/models/", "admin", act=deleted_by_bulk),
    Scene(
        "import_failed",
        "/models/import/",
        "admin",
        act=probed("{upstream}/v1", WRONG_KEY),
    ),
    Scene("import_pasted", "/models/import/", "admin", act=pasted(CURL)),
    Scene("import_listed", "/models/import/", "admin", act=listed("/v1", "chat", "completion")),
    Scene("import_unlisted", "/models/import/", "admin", act=listed("/_sim/nothing", at="http://127.0.0.1:9")),
    Scene("models_planned", "/models/file/", "admin", act=planned(*ROWS)),
    Scene("models_misplanned", "/models/file/", "admin", act=planned(*ROWS, f"{LONG_NAME}-2,llm,ark,ark.cn,m")),
    Scene("import_passed", "/models/import/", "admin", act=probed("{upstream}/v1", "chat;chunks=24;reasoning=8")),
    Scene("catalogs_paratera", "/models/catalogs/?catalog=paratera", "admin", act=tick("QwQ-32B", "GLM-4-Flash")),
    Scene("catalogs_unpriced", "/models/catalogs/?catalog=yunwang&tick=all", "admin"),
    Scene("palette", "/", act=click("[data-palette]:visible")),
    Scene("password_change", "/accounts/password/change/"),
    Scene("password_reset", "/accounts/password/reset/", "visitor"),
    Scene("logout", "/accounts/logout/"),
    Scene("error_403", "/models/", status=403),
    Scene("error_404", "/nowhere/", status=404),
    Scene("models_applied", "/models/file/", "admin", act=applied),
    Scene("error_429", "/accounts/login/", "visitor", act=signed_in_too_often),
)
