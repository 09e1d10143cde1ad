"""The keys part of the management API, as owner, member, other user, anonymous, and with keys of either scope."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.keys import key_digest
from accounts.models import ApiKey, Membership, User, Workspace
from accounts.services import IssuedKey, api_key_create, api_key_revoke

MakeKey = Callable[..., IssuedKey]
JSON = "application/json"


def with_key(secret: str) -> Client:
    return Client(headers={"authorization": f"Bearer {secret}"})


def error_of(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert body["request_id"] == answer["X-Request-Id"]
    return answer.status_code, body["error"]["code"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/models/", "/api/v2/keys"])
def test_a_path_that_is_not_there_is_told_in_json(database: None, path: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    for answer in (strict.get(path), strict.post(path, {}, content_type=JSON)):
        assert error_of(answer) == (404, "not_found")


def test_the_owner_makes_lists_and_revokes_a_key(browser: Client, workspace: Workspace) -> None:
    answer = browser.post("/api/v1/keys", {"name": "  robot ", "scope": "inference"}, content_type=JSON)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["name"], made["scope"], made["revoked_at"]) == ("robot", "inference", None)
    assert ApiKey.objects.get(pk=made["id"]).digest == key_digest(made["secret"].encode())
    listed = browser.get("/api/v1/keys").json()
    assert listed == {"data": [{name: made[name] for name in made if name != "secret"}], "has_more": False}
    revoked = browser.post(f"/api/v1/keys/{made['id']}/revoke", content_type=JSON).json()
    assert revoked["revoked_at"] is not None
    assert browser.post(f"/api/v1/keys/{made['id']}/revoke", content_type=JSON).json() == revoked


def test_the_scope_is_inference_unless_another_is_asked_for(browser: Client) -> None:
    assert browser.post("/api/v1/keys", {"name": "robot"}, content_type=JSON).json()["scope"] == "inference"


def test_me_says_who_the_session_or_key_speaks_for(browser: Client, user: User, make_key: MakeKey) -> None:
    by_session = browser.get("/api/v1/me").json()
    by_key = with_key(make_key(scope="management").secret).get("/api/v1/me").json()
    assert by_session == by_key
    assert (by_key["username"], by_key["is_admin"]) == (user.username, False)


def test_a_management_key_makes_keys_for_its_own_user_and_workspace_alone(
    user: User, workspace: Workspace, stranger: User, make_key: MakeKey
) -> None:
    caller = with_key(make_key(scope="management").secret)
    made = caller.post("/api/v1/keys", {"name": "child", "scope": "management"}, content_type=JSON).json()
    key = ApiKey.objects.get(pk=made["id"])
    assert (key.user, key.workspace) == (user, workspace)
    wider = {"name": "child", "user": stranger.pk, "workspace": 1, "is_admin": True}
    assert error_of(caller.post("/api/v1/keys", wider, content_type=JSON)) == (422, "invalid_request_error")


def test_an_inference_key_may_do_none_of_it(make_key: MakeKey) -> None:
    issued = make_key(scope="inference")
    caller = with_key(issued.secret)
    refused = (403, "permission_denied")
    assert error_of(caller.get("/api/v1/me")) == refused
    assert error_of(caller.get("/api/v1/keys")) == refused
    assert error_of(caller.post("/api/v1/keys", {"name": "x"}, content_type=JSON)) == refused
    assert error_of(caller.post(f"/api/v1/keys/{issued.key.pk}/revoke", content_type=JSON)) == refused


def test_a_revoked_management_key_is_refused(make_key: MakeKey) -> None:
    issued = make_key(scope="management")
    api_key_revoke(key=issued.key, actor="tests")
    assert error_of(with_key(issued.secret).get("/api/v1/keys")) == (401, "invalid_api_key")


def test_the_anonymous_may_do_none_of_it(database: None) -> None:
    for answer in (
        Client().get("/api/v1/me"),
        Client().get("/api/v1/keys"),
        Client().post("/api/v1/keys", {"name": "x"}, content_type=JSON),
        Client().post("/api/v1/keys/1/revoke", content_type=JSON),
    ):
        assert error_of(answer) == (401, "invalid_api_key")


def test_a_session_without_its_csrf_token_changes_nothing(user: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(user)
    assert browser.post("/api/v1/keys", {"name": "x"}, content_type=JSON).status_code == 403
    assert not user.api_keys.exists()


def test_another_user_neither_sees_nor_revokes_it(stranger: User, make_key: MakeKey) -> None:
    key = make_key("private").key
    other = Client()
    other.force_login(stranger)
    assert other.get("/api/v1/keys").json()["data"] == []
    assert error_of(other.post(f"/api/v1/keys/{key.pk}/revoke", content_type=JSON)) == (404, "not_found")
    assert error_of(other.post(f"/api/v1/keys/{2**80}/revoke", content_type=JSON)) == (404, "not_found")
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_member_with_a_key_of_the_workspace_revokes_their_own_keys_only(
    workspace: Workspace, stranger: User, make_key: MakeKey
) -> None:
    Membership.objects.create(user=stranger, workspace=workspace, role=Membership.Role.MEMBER)
    owners = make_key("the owner's").key
    mine = api_key_create(user=stranger, workspace=workspace, name="mine", scope="management")
    caller = with_key(mine.secret)
    assert {key["name"] for key in caller.get("/api/v1/keys").json()["data"]} == {"the owner's", "mine"}
    assert error_of(caller.post(f"/api/v1/keys/{owners.pk}/revoke", content_type=JSON)) == (404, "not_found")
    assert caller.post(f"/api/v1/keys/{mine.key.pk}/revoke", content_type=JSON).status_code == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x", "scope": "admin"}, "scope"),
    ],
)
def test_a_body_that_is_wrong_is_refused_by_field(browser: Client, user: User, body: Any, param: str) -> None:
    answer = browser.post("/api/v1/keys", json.dumps(body), content_type=JSON)
    assert answer.status_code == 422
    assert answer.json()["error"]["param"] == param
    assert not user.api_keys.exists()


def test_a_body_that_is_no_json_is_refused_in_the_same_form(browser: Client) -> None:
    answer = browser.post("/api/v1/keys", "{", content_type=JSON)
    assert error_of(answer) == (400, "invalid_request_error")
    message = answer.json()["error"]["message"]
    assert message.startswith("The body must be JSON, such as /api/v1/docs shows for this path: Expecting")
    assert message.endswith("line 1 column 2 (char 1).")


@pytest.mark.parametrize("key_id", ["-1", "0", "x", "1e3"])
def test_an_id_that_is_none_is_refused_in_the_same_form(browser: Client, key_id: str) -> None:
    answer = browser.post(f"/api/v1/keys/{key_id}/revoke", content_type=JSON)
    assert error_of(answer) == (422, "invalid_request_error")
    assert answer.json()["error"]["param"] == "key_id"


def test_the_list_comes_in_pages(browser: Client, make_key: MakeKey) -> None:
    for number in range(51):
        make_key(f"listed-{number}")
    first, second = (browser.get(f"/api/v1/keys?page={page}").json() for page in (1, 2))
    assert (len(first["data"]), first["has_more"]) == (50, True)
    assert (len(second["data"]), second["has_more"]) == (1, False)
    assert browser.get("/api/v1/keys?page=0").status_code == 422
