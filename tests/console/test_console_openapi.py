"""The management API keeps to its OpenAPI document, whoever calls."""

from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client

from accounts.models import User
from accounts.selectors import workspace_personal
from accounts.services import api_key_create
from console.onboarding import user_onboard
from tests.conftest import serial

DOCUMENT = "/api/v1/openapi.json"


@pytest.fixture
def client(database: None) -> Client:
    return Client()


@pytest.fixture
def admin(database: None) -> User:
    return user_onboard(username=f"openapi-{next(serial)}", password="a long pass phrase", is_admin=True)


def headers_of(user: User) -> dict[str, str]:
    issued = api_key_create(user=user, workspace=workspace_personal(user=user), name="openapi", scope="management")
    return {"Authorization": f"Bearer {issued.secret}"}


def breaches_as(headers: dict[str, str]) -> list[str]:
    # Imported here: it takes a second, which whoever runs other tests need not wait for.
    import schemathesis

    from tests.conformance import breaches

    return breaches(schemathesis.openapi.from_wsgi(DOCUMENT, get_wsgi_application()), headers=headers)


@pytest.mark.slow
def test_as_an_admin_no_answer_breaks_the_document(admin: User) -> None:
    assert breaches_as(headers_of(admin)) == []


@pytest.mark.slow
def test_as_a_developer_no_answer_breaks_the_document(user: User) -> None:
    assert breaches_as(headers_of(user)) == []


@pytest.mark.slow
def test_without_a_key_no_answer_breaks_the_document(database: None) -> None:
    assert breaches_as({}) == []


def test_every_operation_says_what_it_does_and_how_it_fails(client: Client) -> None:
    paths: dict[str, Any] = client.get(DOCUMENT).json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation.get("summary"), f"{method} {path}"
            assert "401" in operation["responses"], f"{method} {path} does not describe its errors"


@pytest.mark.parametrize("who", ["visitor", "developer"])
def test_the_reference_page_needs_nothing_the_policy_forbids(client: Client, user: User, who: str) -> None:
    if who == "developer":
        client.force_login(user)
    answer = client.get("/api/v1/docs")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page
    assert "<style" not in page
    assert page.count("<script src=") == page.count('nonce="') == 2
