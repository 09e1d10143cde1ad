"""`make shots`: a picture of every page, light and dark, wide and 360 px, some of them in English, into shots/;
and of pages in some state, such as a receipt that is open.

Ends with 1 where a page reports an error, asks another host for something, or scrolls sideways at 360 px.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.chrome import NARROW, WIDE, Chrome, Tab, chromium_start
from tests.browser.demo import Site, site_running
from tests.browser.pages import PAGES
from tests.browser.scenes import SCENES, Scene
from tests.browser.scenes_playground import PLAYGROUND
from tests.console.conftest import ROOT

FOLDER = ROOT / "shots"
IN_ENGLISH = {"overview", "models", "import_pasted", "models_planned", "parameters_two"}
ALL = (*(Scene(page.name, page.path, page.who) for page in PAGES), *PLAYGROUND, *SCENES)
LOOKS = (("light", WIDE), ("dark", WIDE), ("light", NARROW), ("dark", NARROW))


@dataclass(frozen=True)
class Shot:
    page: Scene
    scheme: str
    width: int
    locale: str = "zh-CN"

    @property
    def name(self) -> str:
        language = "" if self.locale == "zh-CN" else "-en"
        return f"{self.page.name}-{self.scheme}{'-360' if self.width == NARROW else ''}{language}.png"


def shots(wanted: set[str]) -> Iterator[Shot]:
    for page in ALL:
        if wanted and page.name not in wanted:
            continue
        yield from (Shot(page, scheme, width) for scheme, width in LOOKS)
        if page.name in IN_ENGLISH:
            yield from (Shot(page, "light", width, "en-US") for width in (WIDE, NARROW))


def take(chrome: Chrome, site: Site, shot: Shot) -> list[str]:
    """The faults of the page, seen while it was photographed."""
    with chrome.tab(shot.page.who, width=shot.width, color_scheme=shot.scheme, locale=shot.locale) as tab:
        if shot.page.status != 200:
            tab.expected.append(f"status of {shot.page.status}")
        status = tab.open(shot.page.path)
        shot.page.act(tab, site)
        tab.page.screenshot(path=FOLDER / shot.name, animations="disabled")
        return [*tab.faults, *faults_seen(tab, shot, status)]


def faults_seen(tab: Tab, shot: Shot, status: int) -> Iterator[str]:
    if status != shot.page.status:
        yield f"answers {status}"
    if shot.width == NARROW and (found := tab.sticking_out()):
        yield f"scrolls sideways at {NARROW} px: {', '.join(found)}"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(wanted: set[str]) -> int:
    FOLDER.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="model-console-shots-"))
    say("Starting the product with its demo …")
    faulty = 0
    try:
        with site_running(folder / "data") as site, sync_playwright() as playwright:
            browser = chromium_start(playwright)
            chrome = Chrome(browser, site.url)
            for shot in shots(wanted):
                faults = take(chrome, site, shot)
                faulty += bool(faults)
                say(f"shots/{shot.name}" + "".join(f"\n    {fault}" for fault in faults))
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"{faulty} pictures with faults" if faulty else "No page has a fault.")
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
