"""The guide says what the data plane does, with the reader's own address and a model that is there."""

import re
from html import unescape

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from console.guide import ERRORS, PAGES
from console.guide_vendors import PLACE
from inference.gateway.errors import KINDS
from inference.gateway.native.speech import FORMS
from inference.gateway.native.words import CODES
from models_registry.vendors import VENDORS
from models_registry.vendors.base import OPERATIONS

PATHS = [f"/guide/{topic}/" if topic else "/guide/" for topic in PAGES]


@pytest.fixture
def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_there_and_leads_to_the_others(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert all(f'href="{other}"' in page for other in PATHS)
    assert f'href="{path}" aria-current="page"' in page


@pytest.mark.parametrize("path", [path for path in PATHS if path not in {"/guide/errors/", "/guide/vendors/"}])
def test_the_readers_own_address_is_filled_in(browser: Client, settings: Settings, path: str) -> None:
    settings.PUBLIC_URL = "https://llm.example.cn"
    page = re.sub(r"<[^>]+>", "", browser.get(path).content.decode())
    assert "https://llm.example.cn" in page
    is_openai = path not in {"/guide/cherry-studio/", "/guide/dashscope-sdk/"}
    assert ("https://llm.example.cn/v1" in page) is is_openai


def test_cherry_studio_is_given_the_address_without_the_version(browser: Client, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://llm.example.cn"
    page = browser.get("/guide/cherry-studio/").content.decode()
    assert 'data-copy="https://llm.example.cn"' in page


def test_every_error_of_the_data_plane_is_explained_with_its_status(browser: Client) -> None:
    assert set(ERRORS) == set(KINDS)
    page = browser.get("/guide/errors/").content.decode()
    for code, kind in KINDS.items():
        assert re.search(rf"<td[^>]*>{kind.status}</td><td[^>]*><code>{code}</code>", page), code
    for header in ("X-Request-Id", "X-Request-Cost", "X-Account-Balance", "Retry-After", "X-Max-Cost"):
        assert header in page


def test_the_dashscope_page_has_its_address_every_path_and_every_word_for_errors(
    browser: Client, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://llm.example.cn"
    page = browser.get("/guide/dashscope-sdk/").content.decode()
    assert 'data-copy="https://llm.example.cn/api/v1"' in page
    for word in (*FORMS, *CODES.values()):
        assert word in page


def test_every_vendor_is_told_of_with_the_address_of_each_kind(browser: Client) -> None:
    page = unescape(browser.get("/guide/vendors/").content.decode())
    for vendor in VENDORS.values():
        assert f'<h2 id="{vendor.slug}"' in page
        assert vendor.help.zh in page
        for kind, spec in vendor.kinds.items():
            assert spec.dialect.url(spec.default_url or PLACE, OPERATIONS[kind]) in page
            assert spec.help.zh in page
            assert spec.example_model in page


def test_an_unknown_page_is_missing_and_strangers_are_sent_to_sign_in(browser: Client) -> None:
    assert browser.get("/guide/no-such-client/").status_code == 404
    assert Client().get("/guide/chatbox/")["Location"] == "/accounts/login/?next=/guide/chatbox/"
