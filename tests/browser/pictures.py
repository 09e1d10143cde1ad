"""`make pictures`: README's six pictures, of a console that has been at work for three weeks, into docs/pictures/."""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.chrome import WIDE, Chrome, chromium_start
from tests.browser.demo import Site
from tests.browser.scenes import Scene, click, probed, tick
from tests.browser.shots import say
from tests.browser.showcase import showcase_running
from tests.console.conftest import ROOT

FOLDER = ROOT / "docs" / "pictures"
COLOURS = 256  # a palette makes the files half as large


@dataclass(frozen=True)
class Picture:
    scene: Scene
    scheme: str = "light"


PICTURES = (
    Picture(Scene("overview", "/")),
    Picture(Scene("playground", "/playground/1/")),
    Picture(Scene("receipt", "/billing/", act=click(".book .row-link:text-is('DeepSeek-R1')"))),
    Picture(Scene("catalogue", "/catalogue/", act=tick("DeepSeek-R1", "Qwen3-235B-A22B"))),
    Picture(Scene("models", "/models/", "admin", act=tick("Qwen3-32B", "QwQ-32B")), "dark"),
    Picture(Scene("import", "/models/import/", "admin", act=probed("{upstream}/v1", "chat"))),
)


def take(chrome: Chrome, site: Site, picture: Picture) -> Path:
    with chrome.tab(picture.scene.who, width=WIDE, color_scheme=picture.scheme) as tab:
        tab.open(picture.scene.path)
        picture.scene.act(tab, site)
        tab.page.mouse.move(0, 0)
        tab.page.evaluate("scrollTo(0, 0)")
        taken = tab.page.screenshot(animations="disabled")
    path = FOLDER / f"{picture.scene.name}.png"
    shown = (
        Image.open(BytesIO(taken))
        .convert("RGB")
        .quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    )
    shown.save(path, optimize=True)
    return path


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="model-console-pictures-"))
    say("Starting a console with three weeks of work in it …")
    try:
        with showcase_running(folder / "data") as site, sync_playwright() as playwright:
            browser = chromium_start(playwright)
            chrome = Chrome(browser, site.url)
            for picture in PICTURES:
                path = take(chrome, site, picture)
                say(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1000} kB")
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
