"""Pictures in the chat playground: the button, a drop, the clipboard, and a page without scripts."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.browser.chrome import Tab
    from tests.browser.conftest import OpenTab

pytestmark = pytest.mark.browser

CARRY = """(prompt, [kind, files]) => {
  const carried = new DataTransfer();
  for (const [name, type, content] of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    carried.items.add(new File([bytes], name, { type }));
  }
  const options = { bubbles: true, cancelable: true };
  const event = kind === "paste" ? new ClipboardEvent(kind, { ...options, clipboardData: carried })
    : new DragEvent(kind, { ...options, dataTransfer: carried });
  prompt.dispatchEvent(event);
}"""


def png(red: int, green: int, blue: int, side: int = 96) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + bytes((red, green, blue)) * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def carry(one: Tab, kind: str, *files: tuple[str, str, bytes]) -> None:
    """Files dropped on the composer, or pasted into it."""
    sent = [[name, media, base64.b64encode(content).decode()] for name, media, content in files]
    one.page.locator("#prompt").evaluate(CARRY, [kind, sent])


def thumbs(one: Tab, place: str = "#composer-pictures") -> list[str]:
    """The names of pictures that can really be seen."""
    shown = one.page.locator(f"{place} img")
    for number in range(shown.count()):
        expect(shown.nth(number)).to_have_js_property("complete", value=True)
        assert shown.nth(number).evaluate("(image) => image.naturalWidth") > 0
    return [str(name) for name in shown.evaluate_all("(images) => images.map((image) => image.alt)")]


def good_on_all_screens(one: Tab) -> None:
    assert one.inaccessible() == []
    one.page.emulate_media(color_scheme="dark")
    assert one.inaccessible() == []
    one.resize(360)
    assert one.sticking_out() == []
    assert one.inaccessible() == []


def test_pictures_come_by_button_drop_and_paste_and_are_sent(tab: OpenTab) -> None:
    one = tab("developer")
    one.open("/playground/?model=DeepSeek-V3")
    expect(one.page.get_by_text("添加图片")).to_be_visible()
    one.page.set_input_files("#files", [{"name": "红.png", "mimeType": "image/png", "buffer": png(200, 40, 40)}])
    expect(one.page.locator("#composer-pictures img")).to_have_count(1)
    carry(one, "drop", ("green.png", "image/png", png(40, 160, 80)))
    expect(one.page.locator("#composer-pictures img")).to_have_count(2)
    carry(one, "paste", ("blue.png", "image/png", png(40, 80, 200)))
    expect(one.page.locator("#composer-pictures img")).to_have_count(3)
    assert thumbs(one) == ["红.png", "green.png", "blue.png"]
    one.page.get_by_role("button", name="移除图片 green.png").click()
    expect(one.page.locator("#composer-pictures img")).to_have_count(2)
    one.page.get_by_role("button", name="查看代码").click()
    expect(one.page.locator("#drawer pre.hl").first).to_contain_text("{BASE64:红.png}")
    one.page.locator("#drawer [data-close-drawer]").click()
    one.page.fill("#prompt", "这些是什么颜色？")
    one.page.press("#prompt", "Enter")
    expect(one.page.locator(".answer .status.ok")).to_be_visible()
    expect(one.page.locator("#composer-pictures img")).to_have_count(0)
    assert thumbs(one, ".prompt") == ["红.png", "blue.png"]
    one.page.reload()
    assert thumbs(one, ".prompt") == ["红.png", "blue.png"]
    carry(one, "drop", ("more.png", "image/png", png(1, 2, 3)))
    expect(one.page.locator("#composer-pictures img")).to_have_count(1)
    good_on_all_screens(one)


def test_what_is_not_taken_is_told_and_the_rest_stays(tab: OpenTab) -> None:
    one = tab("developer")
    one.expected.append("422")
    one.open("/playground/?model=DeepSeek-V3")
    one.page.fill("#prompt", "写了一半")
    carry(one, "drop", ("a.png", "image/png", png(1, 2, 3)))
    expect(one.page.locator("#composer-pictures img")).to_have_count(1)
    carry(one, "drop", ("b.png", "image/png", b"<svg/>"))
    expect(one.page.locator("#composer-error")).to_contain_text("b.png 不是 PNG、JPEG、WebP 或 GIF 图片")
    carry(one, "drop", *[("c.png", "image/png", png(1, 2, 3))] * 4)
    expect(one.page.locator("#composer-error")).to_contain_text("一次最多 4 张图片")
    expect(one.page.locator("#composer-pictures img")).to_have_count(1)
    assert one.page.input_value("#prompt") == "写了一半"
    carry(one, "drop", ("d.png", "image/png", png(1, 2, 3)))
    expect(one.page.locator("#composer-pictures img")).to_have_count(2)
    expect(one.page.locator("#composer-error")).to_be_empty()


def test_the_estimate_rises_with_a_picture_and_falls_without(tab: OpenTab) -> None:
    one = tab("developer")
    one.expected += ["htmx:sendAbort", "htmx:afterRequest"]  # an estimate that typing made old
    one.open("/playground/?model=DeepSeek-V3")
    estimate = one.page.locator("#estimate")
    expect(estimate).to_contain_text("¥")
    before = estimate.inner_text()
    carry(one, "drop", ("a.png", "image/png", png(1, 2, 3)))
    expect(estimate).not_to_have_text(before)
    one.page.get_by_role("button", name="移除图片 a.png").click()
    expect(estimate).to_have_text(before)


def test_pasted_text_stays_text_though_a_picture_of_it_comes_along(tab: OpenTab) -> None:
    one = tab("developer")
    one.open("/playground/?model=DeepSeek-V3")
    one.page.locator("#prompt").evaluate(
        """(prompt) => {
          const carried = new DataTransfer();
          carried.items.add(new File(["x"], "cells.png", { type: "image/png" }));
          carried.setData("text/plain", "1\\t2");
          const options = { bubbles: true, cancelable: true, clipboardData: carried };
          prompt.dispatchEvent(new ClipboardEvent("paste", options));
        }"""
    )
    one.settle()
    expect(one.page.locator("#composer-pictures li")).to_have_count(0)


def test_pictures_work_without_scripts(tab: OpenTab) -> None:
    one = tab("developer", java_script_enabled=False)
    one.expected.append("422")
    one.page.goto(f"{one.url}/playground/?model=DeepSeek-V3")
    one.page.set_input_files("#files", [{"name": "红.png", "mimeType": "image/png", "buffer": png(200, 40, 40)}])
    one.page.locator("[data-send]").click()
    expect(one.page.locator("#composer-error")).to_contain_text("写下想问的内容再发送")
    expect(one.page.locator("#composer-pictures img")).to_have_count(1)
    one.page.fill("#prompt", "什么颜色？")
    one.page.locator("[data-send]").click()
    expect(one.page.locator(".prompt img")).to_have_attribute("alt", "红.png")
    expect(one.page.locator(".answer .status.ok")).to_be_visible()
