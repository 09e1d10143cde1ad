"""The pages for what went wrong: one shape, and the last of them needs nothing that may be broken."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.views.defaults import server_error

from accounts.models import User
from console import views


@pytest.fixture
def client(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


@pytest.fixture
def broken_database() -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise AssertionError("the page asked the database")

    with connection.execute_wrapper(refuse):
        yield


def test_a_failing_page_says_so_in_words(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("nobody may read this")

    monkeypatch.setattr(views, "workspace_personal", fail)
    answer = client.get("/")
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "<h1>出错了</h1>" in page
    assert "nobody may read this" not in page
    assert "/static/css/tokens" in page


def test_the_page_for_failures_needs_no_database(database: None, broken_database: None) -> None:
    answer = server_error(RequestFactory().get("/"))
    assert "<h1>" in answer.content.decode()


@pytest.mark.parametrize(("path", "status"), [("/models/", 403), ("/nowhere/", 404)])
def test_refusals_have_one_shape_and_a_way_on(client: Client, path: str, status: int) -> None:
    answer = client.get(path)
    page = answer.content.decode()
    assert answer.status_code == status
    assert page.count("<h1>") == 1
    assert 'class="button primary" href="/"' in page
    assert "css/account" in page
