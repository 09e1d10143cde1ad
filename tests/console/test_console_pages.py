"""The pages there are: sign-up, sign-in, overview; and what operators ask."""

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.selectors import workspace_personal
from billing.selectors import balance_of
from console.planes import gateway_app


@pytest.fixture
def client(database: None) -> Client:
    return Client()


def test_who_signs_up_gets_a_workspace_and_trial_credit(client: Client) -> None:
    words = {"username": "newcomer", "password1": "a long pass phrase", "password2": "a long pass phrase"}
    answer = client.post("/accounts/signup/", words)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    user = User.objects.get(username="newcomer")
    assert balance_of(workspace=workspace_personal(user=user)).trial_nano == 40 * 10**9


def test_a_closed_console_lets_nobody_sign_up(client: Client, settings: Settings) -> None:
    settings.SIGNUP_OPEN = False
    words = {"username": "unwanted", "password1": "a long pass phrase", "password2": "a long pass phrase"}
    client.post("/accounts/signup/", words)
    assert not User.objects.filter(username="unwanted").exists()


def test_the_overview_asks_for_a_sign_in_and_then_shows_the_balance(client: Client, user: User) -> None:
    assert client.get("/")["Location"] == "/accounts/login/?next=/"
    client.force_login(user)
    page = client.get("/").content.decode()
    assert "¥40.00" in page
    assert "/v1/chat/completions" in page


def test_a_wrong_password_is_said_and_what_was_typed_stays(client: Client, user: User) -> None:
    page = client.post("/accounts/login/", {"login": user.username, "password": "wrong"}).content.decode()
    assert "errorlist" in page
    assert f'value="{user.username}"' in page


def test_pages_carry_a_content_security_policy_without_inline_code(client: Client) -> None:
    policy = client.get("/accounts/login/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


def test_pages_have_their_style(client: Client) -> None:
    answer = client.get("/static/css/tokens.css")
    assert not answer.streaming  # Django under ASGI reads a stream chunk by chunk in a thread, and warns
    assert b"--accent" in answer.content
    assert answer["Content-Type"].startswith("text/css")
    again = client.get("/static/css/tokens.css", headers={"If-Modified-Since": answer["Last-Modified"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/css/tokens.css", headers={"Range": "bytes=0-1"}).content == b"/*"


def test_alive_and_numbers_need_no_sign_in(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"
    assert b"console_requests_total" in client.get("/metrics").content


def test_readiness_names_what_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_app, "gateway", None)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "ok"
    assert answer.json()["clerk"] == "not started"
