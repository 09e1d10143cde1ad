"""What a page says under 用 API 完成 is a command that works, copied as it stands."""

import shlex

import httpx
import pytest

from tests.browser.conftest import OpenTab
from tests.browser.demo import ADMIN, Site

pytestmark = pytest.mark.browser

PAGES = {
    "/": "developer",
    "/catalogue/": "developer",
    "/catalogue/DeepSeek-R1/": "developer",
    "/compare/?compare=DeepSeek-R1": "developer",
    "/playground/": "developer",
    "/playground/embedding/": "developer",
    "/playground/rerank/": "developer",
    "/keys/": "developer",
    "/keys/new/": "developer",
    "/usage/": "developer",
    "/billing/": "developer",
    "/settings/": "developer",
    "/models/": "admin",
    "/models/import/": "admin",
    "/models/catalogs/": "admin",
}


@pytest.mark.parametrize("path", PAGES)
def test_the_command_of_a_page_works(tab: OpenTab, site: Site, path: str) -> None:
    one = tab(PAGES[path])
    one.open(path)
    one.page.locator(".by-api summary").click()
    command = one.page.locator(".by-api pre").inner_text()
    answer = call(command, site.keys[ADMIN])
    assert answer.is_success, answer.text
    for name in made_by(path, answer):
        made = f"{site.url}/api/v1/models/{name}"
        assert httpx.delete(made, headers={"Authorization": f"Bearer {site.keys[ADMIN]}"}).status_code == 204


def made_by(path: str, answer: httpx.Response) -> list[str]:
    """The names of models that must go again."""
    match path:
        case "/models/import/":
            return [answer.json()["name"]]
        case "/models/catalogs/":
            return list(answer.json()["imported"])
    return []


def call(command: str, key: str) -> httpx.Response:
    """Read as a shell reads it; the command's own `$KEY` is the key."""
    curl, *words = shlex.split(command.replace("\\\n", " ").replace("$KEY", key))
    assert curl == "curl"
    method, url, body, headers = "GET", "", None, {}
    while words:
        match words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                body = words.pop(0)
            case address:
                url = address
    return httpx.request(method, url, headers=headers, content=body, timeout=30)
