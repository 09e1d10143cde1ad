"""The settings page: workspace name, sessions, and the server's settings for admins."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, User, Workspace
from accounts.sessions import agent_label
from console import settings as configured

PHRASE = "a long pass phrase"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def sign_in(user: User, agent: str = FIREFOX) -> Client:
    client = Client(headers={"user-agent": agent})
    assert client.post("/accounts/login/", {"login": user.username, "password": PHRASE}).status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/settings/").status_code == 200


def test_the_owner_renames_the_workspace(browser: Client, user: User, workspace: Workspace) -> None:
    assert browser.post("/settings/workspace/", {"name": "智能客服组"})["Location"] == "/settings/"
    workspace.refresh_from_db()
    assert workspace.name == "智能客服组"
    event = AuditEvent.objects.get(verb="workspace.rename", object=str(workspace.pk))
    assert event.details == {"old": user.username, "new": "智能客服组"}


def test_a_name_that_is_too_long_is_said_and_stays(browser: Client, workspace: Workspace) -> None:
    answer = browser.post("/settings/workspace/", {"name": "x" * 151})
    assert answer.status_code == 422
    assert "x" * 151 in answer.content.decode()
    assert 'role="alert"' in answer.content.decode()
    workspace.refresh_from_db()
    assert workspace.name != "x" * 151


def test_sessions_are_listed_and_one_can_be_ended(user: User) -> None:
    here, there = sign_in(user), sign_in(user, "curl/8.5.0")
    page = here.get("/settings/").content.decode()
    assert "Firefox · Linux" in page
    assert "curl" in page
    pk = page.split('name="session" value="')[1].split('"')[0]
    assert here.post("/settings/sessions/", {"session": pk}).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_all_other_sessions_end_at_once_and_this_one_stays(user: User) -> None:
    here, *others = (sign_in(user) for _ in range(3))
    here.post("/settings/sessions/")
    assert is_signed_in(here)
    assert not any(is_signed_in(other) for other in others)


def test_the_session_of_another_user_cannot_be_ended(user: User, stranger: User) -> None:
    here, victim = sign_in(user), sign_in(stranger)
    page = victim.get("/settings/").content.decode()
    assert "当前" in page
    pk = UserSession.objects.get(user=stranger).pk
    here.post("/settings/sessions/", {"session": str(pk)})
    here.post("/settings/sessions/", {"session": "nonsense"})
    here.post("/settings/sessions/")
    assert is_signed_in(victim)


def test_a_new_password_ends_the_other_sessions(user: User) -> None:
    here, there = sign_in(user), sign_in(user)
    new = {"oldpassword": PHRASE, "password1": "another long phrase", "password2": "another long phrase"}
    here.post("/accounts/password/change/", new)
    assert not is_signed_in(there)
    assert "结束其他会话" not in here.get("/settings/").content.decode()


def test_a_session_older_than_the_notes_is_listed_too(browser: Client) -> None:
    assert "当前" in browser.get("/settings/").content.decode()


def test_expired_sessions_are_not_listed(user: User) -> None:
    here, there = sign_in(user), sign_in(user)
    Session.objects.filter(session_key=there.session.session_key).update(expire_date="2020-01-01T00:00:00Z")
    assert "结束其他会话" not in here.get("/settings/").content.decode()


def test_the_queries_do_not_grow_with_the_sessions(user: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert is_signed_in(here)
        return len(found)

    here = sign_in(user)
    few = queries()
    for _ in range(8):
        sign_in(user)
    assert queries() == few


def test_admins_see_the_servers_settings_and_no_secret(browser: Client, user: User) -> None:
    assert "UPSTREAM_TOTAL_TIMEOUT_S" not in browser.get("/settings/").content.decode()
    user.is_staff = True
    user.save()
    page = browser.get("/settings/").content.decode()
    for name in ("SIGNUP_OPEN", "TRIAL_CREDIT_YUAN", "UPSTREAM_TOTAL_TIMEOUT_S", "PROBE_INTERVAL_S"):
        assert name in page
    assert "127.0.0.0/8" in page
    assert configured.SECRET_KEY not in page
    assert configured.FIELD_ENCRYPTION_KEYS[0] not in page


def test_theme_language_and_density_are_forms_that_come_back_here(browser: Client) -> None:
    page = browser.get("/settings/").content.decode()
    for name in ("theme", "density", "django_language"):
        assert f'name="{name}"' in page
    browser.post("/preferences/", {"theme": "dark", "next": "/settings/"})
    assert 'data-theme="dark"' in browser.get("/settings/").content.decode()


def test_strangers_are_sent_to_sign_in(database: None) -> None:
    assert Client().get("/settings/")["Location"] == "/accounts/login/?next=/settings/"
    assert Client().post("/settings/workspace/", {"name": "x"}).status_code == 302
    assert Client().post("/settings/sessions/").status_code == 302


def test_a_browser_is_named_as_people_know_it() -> None:
    windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    assert agent_label(f"{windows} Chrome/140.0.0.0 Safari/537.36") == "Chrome · Windows"
    assert agent_label(f"{windows} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0") == "Edge · Windows"
    assert agent_label("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605") == "Safari · macOS"
    assert agent_label("python-httpx/0.28") == "python-httpx"
    assert agent_label("") == "—"
