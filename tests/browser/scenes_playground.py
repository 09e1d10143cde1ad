"""The playground in states that take some doing: pictures, parameters of two vendors, a reading with boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import FilePayload

from tests.browser.scenes import Scene, asked, click, click_through
from tests.browser.test_browser_pictures import carry, png

if TYPE_CHECKING:
    from tests.browser.chrome import Tab
    from tests.browser.demo import Site
    from tests.browser.scenes import Act

QWEN, ARK = "qwen-max-2025-panel", "doubao-seed-1-6-panel"
LONG_FILE = "会议纪要与白板照片-第三季度产品规划讨论会-2025年11月21日下午-最终版本-已压缩.png"
COLOURS = (("红.png", 200, 40, 40), ("green.png", 40, 160, 80), ("blue.png", 40, 80, 200), (LONG_FILE, 220, 160, 30))


def one_after_another(*acts: Act) -> Act:
    def act(tab: Tab, site: Site) -> None:
        for one in acts:
            one(tab, site)

    return act


def pictured(count: int) -> Act:
    """The composer with so many pictures."""

    def act(tab: Tab, _: Site) -> None:
        tab.expected += ["htmx:sendAbort", "htmx:afterRequest"]  # an estimate that typing made old
        carry(tab, "drop", *[(name, "image/png", png(*colour)) for name, *colour in COLOURS[:count]])
        tab.page.locator("#composer-pictures img").nth(count - 1).wait_for()
        tab.settle()

    return act


def refused(tab: Tab, _: Site) -> None:
    """A file that is no picture, beside one that is."""
    tab.expected.append("422")
    carry(tab, "drop", (LONG_FILE, "image/png", b"<svg/>"))
    tab.page.locator("#composer-error:not(:empty)").wait_for()
    tab.settle()


def chosen(*vendors: str, sends: dict[str, str] | None = None) -> Act:
    """Models of these vendors side by side; `sends` is what is typed into their parameters."""
    names = {"dashscope": QWEN, "ark": ARK}

    def act(tab: Tab, site: Site) -> None:
        tab.expected += ["422", "htmx:sendAbort", "htmx:afterRequest"]
        answering = {"inference_url": f"{site.product.upstream.url}/v1", "model": "chat;chunks=4", "api_key": "k"}
        site.product.apply(
            [
                {"name": name, "upstream": "", "price": {"free": True}, "endpoints": [{"vendor": vendor, **answering}]}
                for vendor, name in names.items()
            ]
        )
        page = tab.page
        tab.open("/playground/")
        page.locator("[name=model]").first.select_option(names[vendors[0]])
        if vendors[1:]:
            page.locator("[data-add-model]").click()
            page.locator("[name=model]").nth(1).select_option(names[vendors[1]])
        tab.settle()
        for name, value in (sends or {}).items():
            page.locator(f"#{name}").evaluate("(one, value) => { one.value = value; }", value)
        page.locator("#estimate:not(:text-is('—'))").wait_for(state="attached")

    return act


def parameters_shown(tab: Tab, _: Site) -> None:
    if not tab.page.locator("#parameters").is_visible():
        tab.page.locator(".play-tools [data-toggle-parameters]").click()
    tab.page.set_viewport_size({"width": tab.page.evaluate("innerWidth"), "height": 1600})


def sent_wrongly(tab: Tab, _: Site) -> None:
    tab.page.fill("#prompt", "太热")
    tab.page.locator("[data-send]").click()
    tab.page.locator("#composer-error:not(:empty)").wait_for()
    tab.settle()


def estimated(field: str, text: str) -> Act:
    def act(tab: Tab, _: Site) -> None:
        tab.expected += ["htmx:sendAbort", "htmx:afterRequest"]
        tab.page.fill(field, text)
        tab.page.locator("#estimate:has-text('¥')").wait_for()

    return act


def read(tab: Tab, site: Site) -> None:
    """A picture, and what was read in it."""
    endpoint = {"vendor": "yuanjing", "inference_url": f"{site.product.upstream.url}/openapi/v1", "api_key": "k"}
    model = {"name": "unicom-ocr", "upstream": "", "kind": "ocr", "price": {"per_page": "0.01"}}
    site.product.apply([{**model, "endpoints": [endpoint]}])
    tab.open("/playground/ocr/")
    picture = FilePayload(name=LONG_FILE, mimeType="image/png", buffer=png(220, 225, 235, side=640))
    tab.page.set_input_files("#file", picture)
    tab.page.locator("#estimate:not(:text-is('—'))").wait_for()
    tab.page.locator("[data-send]").click()
    tab.page.locator("#tried .answer-foot").wait_for()
    tab.settle()


HISTORY = "[href='/playground/rerank/history/']"
UNFOLD = click(".thinking summary")
LONG_TEXT = "一段很长的文本，用来看看列表和矩阵怎么放得下它，" * 6
PLAYGROUND = (
    Scene("playground_picture", "/playground/?model=DeepSeek-V3", act=pictured(1)),
    Scene("playground_pictures", "/playground/?model=DeepSeek-V3", act=pictured(4)),
    Scene("playground_refused", "/playground/?model=DeepSeek-V3", act=one_after_another(pictured(1), refused)),
    Scene("playground_pictured", "/playground/", act=one_after_another(pictured(4), asked("DeepSeek-V3"))),
    Scene("playground_thought", "/playground/", act=one_after_another(asked("DeepSeek-R1"), UNFOLD)),
    Scene("playground_history", "/playground/", act=click("[href='/playground/history/']")),
    Scene("parameters_compatible", "/playground/?model=DeepSeek-V3", act=parameters_shown),
    Scene("parameters_dashscope", "/playground/", act=one_after_another(chosen("dashscope"), parameters_shown)),
    Scene("parameters_ark", "/playground/", act=one_after_another(chosen("ark"), parameters_shown)),
    Scene("parameters_two", "/playground/", act=one_after_another(chosen("dashscope", "ark"), parameters_shown)),
    Scene(
        "parameters_wrong",
        "/playground/",
        act=one_after_another(chosen("dashscope", "ark", sends={"temperature": "2"}), sent_wrongly),
    ),
    Scene("tryout_estimated", "/playground/embedding/", act=estimated("#texts", f"{LONG_TEXT}\n大海")),
    Scene("tryout_history", "/playground/rerank/?example", act=click_through("[data-send]", HISTORY)),
    Scene("tryout_read", "/playground/ocr/", act=read),
    Scene("tryout_code", "/playground/rerank/?example", act=click("[formaction='/playground/rerank/code/']")),
)
