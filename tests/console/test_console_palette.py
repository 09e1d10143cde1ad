"""The command palette: what is found, for whom, and at what cost."""

import re

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.revision import revision_bump
from console.palette import marked
from models_registry.models import Endpoint, Model


@pytest.fixture
def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(user: User) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(scope="module")
def models(database: None) -> None:
    with transaction.atomic():
        for number in range(10):
            state = Model.State.DISABLED if number == 9 else Model.State.ENABLED
            name = f"zqpal/Palette-{number}:v1"
            made = Model.objects.create(name=name, kind="llm", state=state, revision=revision_bump())
            health = Endpoint.Health.DOWN if number == 0 else Endpoint.Health.UP
            Endpoint.objects.create(model=made, vendor="ollama", inference_url="http://127.0.0.1", health=health)


def links(page: str) -> list[str]:
    return re.findall(r'role="option" tabindex="-1" href="([^"]+)"', page)


def test_without_words_it_lists_things_to_do_and_places(browser: Client) -> None:
    page = browser.get("/palette/").content.decode()
    assert "<html" not in page
    assert {"/keys/new/", "/", "/catalogue/", "/settings/", "/guide/"} <= set(links(page))
    assert "/models/import/" not in links(page)
    assert page.count('aria-selected="true"') == 1
    assert page.index('aria-selected="true"') < page.index('aria-selected="false"')


def test_up_to_six_models_are_found_with_the_match_marked(browser: Client, models: None) -> None:
    page = browser.get("/palette/?q=pALETTE").content.decode()
    found = [link for link in links(page) if link.startswith("/catalogue/zqpal/")]
    assert len(found) == 6
    assert "zqpal/<mark>Palette</mark>-1:v1" in page
    assert all(browser.get(link).status_code == 200 for link in found)
    assert "/playground/?model=zqpal%2FPalette-1%3Av1" in links(page)
    assert "/playground/?model=zqpal%2FPalette-0%3Av1" not in links(page)  # down: nothing to try
    assert "不可用" in page


def test_disabled_models_are_found_by_admins_alone(browser: Client, models: None, user: User) -> None:
    assert "没有找到" in browser.get("/palette/?q=Palette-9").content.decode()
    user.is_staff = True
    user.save()
    page = browser.get("/palette/?q=Palette-9").content.decode()
    assert "已停用" in page
    assert "/models/?q=zqpal%2FPalette-9%3Av1" in links(page)


def test_admins_are_offered_what_admins_do(admin: Client) -> None:
    assert {"/models/import/", "/models/"} <= set(links(admin.get("/palette/").content.decode()))
    assert links(admin.get("/palette/?q=import").content.decode()) == ["/models/import/"]


def test_places_are_found_by_other_words_too(browser: Client) -> None:
    assert "/settings/" in links(browser.get("/palette/?q=密码").content.decode())
    assert "/billing/" in links(browser.get("/palette/?q=money").content.decode())


def test_the_words_are_escaped(browser: Client) -> None:
    page = browser.get("/palette/?q=%3Cscript%3E").content.decode()
    assert "<script" not in page
    assert browser.get("/palette/?q=%00").status_code == 200
    assert marked("a<b>c", "<B>") == "a<mark>&lt;b&gt;</mark>c"
    assert marked("İstanbul", "stan") == "İstanbul"  # lower case is longer there; no mark rather than a wrong one


def test_the_queries_do_not_grow_with_what_is_found(browser: Client, models: None) -> None:
    def queries(words: str) -> int:
        with CaptureQueriesContext(connection) as found:
            browser.get(f"/palette/?q={words}")
        return len(found)

    assert queries("Palette-1") == queries("Palette")


def test_strangers_are_sent_to_sign_in(database: None) -> None:
    assert Client().get("/palette/").status_code == 302
