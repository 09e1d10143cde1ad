"""The admin's walk: an empty system, a model with a wrong URL first, then right, on, off and on; then a real model."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from local_models.catalog import EMBEDDING, missing_packages
from simulator.server import SimulatorThread
from tests.browser.chrome import Chrome, Tab
from tests.browser.conftest import tabs_watched
from tests.browser.demo import ADMIN
from tests.browser.walks import LOOKS, Look, check, go
from tests.chaos.chaos_product import PASSWORD, Product
from tests.console.conftest import ROOT, free_port, server_kept, wait_until

pytestmark = pytest.mark.browser

UPSTREAM_START_S = 30
CHAT, UPSTREAM_CHAT = "demo-chat", "chat;chunks=3;first_ms=20"
TIME = re.compile(r"^([\d,]+ ms|\d+\.\d+ s|—)$")
MISSING = missing_packages(EMBEDDING)


@contextmanager
def upstream_running(*command: str) -> Iterator[str]:
    """An upstream started as people start it; its URL, once it answers."""
    port = free_port()
    process = subprocess.Popen([sys.executable, *command, "--port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_healthy(url), seconds=UPSTREAM_START_S, what=f"the start of {' '.join(command)}")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def is_healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with upstream_running(str(ROOT / "manage.py"), "simulator") as url:
        yield url


@pytest.fixture(scope="module")
def embedding() -> Iterator[str]:
    """A real model; empty where its packages are not installed."""
    if MISSING:
        yield ""
        return
    with upstream_running("-m", "local_models", EMBEDDING.slug, "--exit-with-parent") as url:
        yield url


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A server that knows its admin and nothing else. Each walk leaves it as it was."""
    settings = {"ADMIN_USERNAME": ADMIN, "ADMIN_PASSWORD": PASSWORD, "LOG_LEVEL": "WARNING"}
    with server_kept(tmp_path_factory.mktemp("empty") / "data", **settings) as server:
        product = Product(server, SimulatorThread())  # never started: the walk brings its own
        process = product.start()
        yield product
        product.stop(process)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_an_admin_brings_an_empty_system_into_service(
    browser: Browser, empty: Product, simulator: str, embedding: str, look: Look
) -> None:
    with tabs_watched(Chrome(browser, empty.url)) as open_tab:
        tab = open_tab(**look.options)
        tab.sign_in(ADMIN)
        start_importing(tab, look)
        import_chat(tab, look, simulator)
        switch_off_and_on(tab)
        assert states(empty) == {CHAT: "enabled"}
        delete(tab, CHAT)
        if not embedding:
            pytest.skip(f"all but the local model: not installed: {', '.join(MISSING)}")
        import_embedding(tab, embedding)
        assert states(empty) == {EMBEDDING.name: "enabled"}
        delete(tab, EMBEDDING.name)
    assert states(empty) == {}


def states(product: Product) -> dict[str, str]:
    return dict(product.rows("SELECT name, state FROM models_registry_model"))


# --- the steps -----------------------------------------------------------------------------------------
def start_importing(tab: Tab, look: Look) -> None:
    """The first page knows that there is nothing to try yet."""
    check(tab, look)
    tab.page.locator("main .step a.button.primary").click()
    tab.page.wait_for_url("**/models/import/")
    tab.settle()


def import_chat(tab: Tab, look: Look, simulator: str) -> None:
    wrong, right = f"{simulator}/v1/v1", f"{simulator}/v1"
    fill(tab, kind="llm", name=CHAT, upstream_model=UPSTREAM_CHAT, inference_url=wrong)
    expect(tab.page.locator("#url-doctor del")).to_have_text("/v1")
    check_refused(tab, called=f"{wrong}/chat/completions", words="POST /v1/v1/chat/completions is not served here")
    check_typed(tab, name=CHAT, upstream_model=UPSTREAM_CHAT, inference_url=wrong)
    check(tab, look)
    check_adopted(tab, right)
    check_typed(tab, name=CHAT, upstream_model=UPSTREAM_CHAT, inference_url=right)
    save(tab)  # without a price
    price = tab.page.locator("[name=input]")
    expect(price).to_be_focused()
    expect(price).to_have_attribute("aria-invalid", "true")
    check(tab, look)
    price.fill("2")
    tab.page.fill("[name=output]", "8")
    expect(tab.page.locator(".has-error")).to_have_count(0)
    save(tab)
    expect(tab.page).to_have_url(f"{tab.url}/models/?kind=llm")
    check_on(tab, CHAT)
    check(tab, look)


def import_embedding(tab: Tab, upstream: str) -> None:
    go(tab, "/models/import/")
    fill(tab, kind="embedding", name=EMBEDDING.name, upstream_model=EMBEDDING.upstream_model, inference_url=upstream)
    check_refused(tab, called=f"{upstream}/embeddings", words="Not Found")
    check_adopted(tab, f"{upstream}/v1")
    tab.page.fill("[name=input]", "0.5")
    save(tab)
    expect(tab.page).to_have_url(f"{tab.url}/models/?kind=embedding")
    check_on(tab, EMBEDDING.name)


def switch_off_and_on(tab: Tab) -> None:
    """Each time the server has the last word: the row it sends is in place when the page has settled."""
    row = row_of(tab, CHAT)
    row.locator(".switch").click()
    expect(row.locator(".health .status.off")).to_be_visible()
    expect(row.locator(".switch")).to_have_attribute("aria-checked", "false")
    row.locator(".switch").click()
    check_on(tab, CHAT)


def delete(tab: Tab, name: str) -> None:
    row = row_of(tab, name)
    row.locator("[data-menu] summary").click()
    row.locator("[data-menu] button.danger").click()
    expect(tab.page.locator("#ask")).to_be_visible()
    tab.page.locator("#ask .danger-fill").click()
    expect(row).to_have_count(0)


# --- what they are made of -----------------------------------------------------------------------------
def fill(tab: Tab, *, kind: str, **fields: str) -> None:
    tab.page.locator("label:has(#id_vendor_openai_compatible)").click()
    tab.settle()
    tab.page.locator(f"label:has(#id_kind_{kind})").click()
    tab.settle()
    for name, value in fields.items():
        tab.page.fill(f"[name={name}]", value)
    expect(tab.page.locator("#url-doctor dd code").first).to_contain_text(fields["inference_url"])


def probe(tab: Tab) -> Locator:
    """Presses the button; the stages, once there is a result."""
    before = tab.page.locator("#probe-panel").element_handle()
    tab.page.locator("#probe-panel header button").click()
    before.wait_for_element_state("hidden")
    tab.settle()
    stages = tab.page.locator("#probe-panel .stages > li")
    assert [bool(TIME.match(text)) for text in stages.locator(".ms").all_inner_texts()] == [True] * 6
    return stages


def check_refused(tab: Tab, *, called: str, words: str) -> None:
    """The call is the stage that failed: it says what was called, what came back, in whose words."""
    stages = probe(tab)
    expect(tab.page.locator("#probe-panel .badge.bad")).to_be_visible()
    failed = tab.page.locator("#probe-panel .stages > .failed")
    expect(failed).to_have_count(1)
    assert failed.inner_text() == stages.last.inner_text()
    assert failed.locator("dd").all_inner_texts() == [f"POST {called}", "404", words]
    expect(tab.page.locator("#url-doctor .wrong")).to_have_text("404")
    expect(tab.page.locator("#url-doctor .good")).to_have_text("200")


def check_adopted(tab: Tab, url: str) -> None:
    """The doctor's proposal goes through every stage."""
    tab.page.locator("#url-doctor button").click()
    expect(tab.page.locator("[name=inference_url]")).to_have_value(url)
    tab.settle()
    stages = probe(tab)
    expect(tab.page.locator("#probe-panel .badge.ok")).to_be_visible()
    expect(stages.last).to_have_class("ok")
    expect(tab.page.locator("#url-doctor .hint")).to_have_count(0)


def check_typed(tab: Tab, **fields: str) -> None:
    for name, value in fields.items():
        expect(tab.page.locator(f"[name={name}]")).to_have_value(value)


def save(tab: Tab) -> None:
    tab.page.locator(".import-saves [value=enable]").click()
    tab.settle()


def row_of(tab: Tab, name: str) -> Locator:
    return tab.page.locator("#models tr[id^=model-]").filter(has=tab.page.get_by_role("link", name=name, exact=True))


def check_on(tab: Tab, name: str) -> None:
    """On, and its first probe has answered: a row that waits for it asks again by itself."""
    row = row_of(tab, name)
    expect(row.locator(".health .status.ok")).to_be_visible(timeout=30_000)
    expect(row.locator(".switch")).to_have_attribute("aria-checked", "true")
