"""The management API keeps to its OpenAPI document, whoever calls."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import Client
from ninja import Schema

from accounts.models import User
from accounts.selectors import workspace_personal
from accounts.services import api_key_create
from console.onboarding import user_onboard
from models_registry.documents import registry_parse
from models_registry.services import registry_apply
from tests.conftest import serial

DOCUMENT = "/api/v1/openapi.json"
OURS = {"accounts", "billing", "console", "inference", "models_registry"}


@pytest.fixture
def client(database: None) -> Client:
    return Client()


@pytest.fixture
def admin(database: None) -> User:
    return user_onboard(username=f"openapi-{next(serial)}", password="a long pass phrase", is_admin=True)


def headers_of(user: User) -> dict[str, str]:
    issued = api_key_create(user=user, workspace=workspace_personal(user=user), name="openapi", scope="management")
    return {"Authorization": f"Bearer {issued.secret}"}


def naming(user: User) -> Callable[[Any], None]:
    """Made-up ids lead to 404; these are of what there is (a model again when a call has deleted it)."""
    endpoint = {"vendor": "openai_compatible", "inference_url": "http://127.0.0.1:9/v1", "model": "nobody-answers"}
    model = {"name": f"openapi/{next(serial)}", "kind": "llm", "price": {"free": True}, "endpoints": [endpoint]}
    document = registry_parse(json.dumps({"models": [model]}))

    def change(case: Any) -> None:
        wanted = case.path_parameters or {}
        if "name" in wanted:
            (made,) = registry_apply(document=document, actor="tests")
            wanted["name"] = made.name
            if "endpoint_id" in wanted:
                wanted["endpoint_id"] = made.endpoints.get().pk
        if "catalog" in wanted:
            wanted["catalog"] = "wcode"
        if "slug" in wanted:
            wanted["slug"] = endpoint["vendor"]
        if "key_id" in wanted:
            workspace = workspace_personal(user=user)
            wanted["key_id"] = api_key_create(user=user, workspace=workspace, name="x", scope="inference").key.pk

    return change


def breaches_as(headers: dict[str, str], change: Callable[[Any], None] = lambda case: None) -> list[str]:
    # Imported here: it takes a second, which whoever runs other tests need not wait for.
    import schemathesis

    from tests.conformance import breaches

    return breaches(schemathesis.openapi.from_wsgi(DOCUMENT, get_wsgi_application()), headers=headers, change=change)


@pytest.mark.slow
def test_as_an_admin_no_answer_breaks_the_document(admin: User) -> None:
    assert breaches_as(headers_of(admin)) == []


@pytest.mark.slow
def test_as_an_admin_calls_on_what_there_is_keep_to_the_document(admin: User) -> None:
    assert breaches_as(headers_of(admin), naming(admin)) == []


@pytest.mark.slow
def test_as_a_developer_calls_on_what_there_is_keep_to_the_document(user: User) -> None:
    assert breaches_as(headers_of(user), naming(user)) == []


@pytest.mark.slow
def test_as_a_developer_no_no_answer_breaks_the_document(user: User) -> None:
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


def test_no_two_shapes_share_a_name() -> None:
    """The document describes shapes by name, and the second of a name would silently describe the first as well."""
    names = Counter(shape.__name__ for shape in shapes(Schema))
    assert [name for name, count in names.items() if count > 1] == []


def shapes(base: type[Schema]) -> Iterator[type[Schema]]:
    for shape in base.__subclasses__():
        if shape.__module__.split(".")[0] in OURS:
            yield shape
        yield from shapes(shape)


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
