"""The keys page: made once, shown once, revoked with a question; nobody sees another's."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, AuditEvent, User, Workspace
from accounts.services import IssuedKey, api_key_revoke
from billing.key_usage import keys_last_used
from billing.models import UsageRecord
from console import key_views

MakeKey = Callable[..., IssuedKey]
SECRET = re.compile(r"sk-[A-Za-z0-9]{48}")


def ticket_of(browser: Client) -> str:
    found = re.search(r'name="ticket" value="([\w-]+)"', browser.get("/keys/new/").content.decode())
    assert found is not None
    return found[1]


def make(browser: Client, **words: str) -> None:
    form = {"name": "a robot", "scope": "inference", "ticket": ticket_of(browser), **words}
    answer = browser.post("/keys/new/", form)
    assert (answer.status_code, answer["Location"]) == (302, "/keys/")


def used(workspace: Workspace, key: ApiKey | None, minutes_ago: int) -> None:
    moment = timezone.now() - timedelta(minutes=minutes_ago)
    numbers = ("prompt_tokens", "completion_tokens", "pages", "price_version", "held_nano", "cost_nano")
    numbers += ("uncollected_nano", "trial_nano", "paid_nano", "balance_nano", "leg_count", "duration_ms")
    UsageRecord.objects.create(
        request_id=f"keys-{workspace.pk}-{key.pk if key else 0}-{minutes_ago}",
        workspace=workspace,
        api_key_id=key.pk if key else None,
        model="m",
        operation="chat",
        outcome="failed",
        error_code="",
        streamed=False,
        usage_source="none",
        lines="[]",
        created_at=moment,
        settled_at=moment,
        **dict.fromkeys(numbers, 0),
    )


def test_a_new_key_is_shown_once_with_its_first_call_and_works(browser: Client, user: User) -> None:
    make(browser)
    first = browser.get("/keys/")
    (secret,) = set(SECRET.findall(first.content.decode()))
    assert "no-store" in first["Cache-Control"]
    assert f"Bearer {secret}" in re.sub(r"<[^>]+>", "", first.content.decode())
    assert not SECRET.search(browser.get("/keys/").content.decode())
    key = user.api_keys.get()
    assert (key.name, key.scope, key.prefix) == ("a robot", "inference", secret[:11])


def test_the_waiting_secret_lies_sealed_in_the_session_and_only_for_minutes(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(browser)
    assert not SECRET.search(str(dict(browser.session)))
    monkeypatch.setattr(key_views, "SHOWN_WITHIN_S", -1)
    assert not SECRET.search(browser.get("/keys/").content.decode())


def test_the_same_form_sent_twice_makes_one_key(browser: Client, user: User) -> None:
    ticket = ticket_of(browser)
    make(browser, ticket=ticket)
    make(browser, ticket=ticket)
    assert user.api_keys.count() == 1


def test_asking_for_the_head_alone_does_not_spend_the_only_view(browser: Client) -> None:
    make(browser)
    browser.head("/keys/")
    assert SECRET.search(browser.get("/keys/").content.decode())


@pytest.mark.parametrize(
    ("words", "field"), [({"name": ""}, "id_name"), ({"name": "x" * 101}, "id_name"), ({"scope": "god"}, "scope")]
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    browser: Client, user: User, words: dict[str, str], field: str
) -> None:
    form = {"name": "a robot", "scope": "management", "ticket": ticket_of(browser), **words}
    answer = browser.post("/keys/new/", form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'role="alert"' in page[page.index(field) :]
    assert form["name"] in page
    assert not user.api_keys.exists()


def test_a_key_is_revoked_after_a_question_that_names_it(browser: Client, make_key: MakeKey) -> None:
    key = make_key("night <b>job</b>").key
    question = browser.get(f"/keys/{key.pk}/revoke/").content.decode()
    assert "night &lt;b&gt;job&lt;/b&gt;" in question
    assert "1 秒内" in question
    assert browser.post(f"/keys/{key.pk}/revoke/")["Location"] == "/keys/"
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert AuditEvent.objects.filter(verb="api_key.revoke", object=key.prefix).count() == 1
    browser.post(f"/keys/{key.pk}/revoke/")  # again changes nothing
    assert AuditEvent.objects.filter(verb="api_key.revoke", object=key.prefix).count() == 1


def test_nobody_sees_or_revokes_the_key_of_another(browser: Client, make_key: MakeKey, stranger: User) -> None:
    key = make_key("secret plans", owner=stranger).key
    assert "secret plans" not in browser.get("/keys/").content.decode()
    assert browser.get(f"/keys/{key.pk}/revoke/").status_code == 404
    assert browser.post(f"/keys/{key.pk}/revoke/").status_code == 404
    assert browser.post(f"/keys/{2**70}/revoke/").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


@pytest.mark.parametrize("path", ["/keys/", "/keys/new/", "/keys/1/revoke/"])
def test_strangers_are_sent_to_sign_in(database: None, path: str) -> None:
    assert Client().get(path)["Location"] == f"/accounts/login/?next={path}"
    assert Client().post(path).status_code in {302, 405}


def test_without_keys_the_page_says_what_they_are_for(browser: Client) -> None:
    page = browser.get("/keys/").content.decode()
    assert "还没有 API 密钥" in page
    assert "/keys/new/" in page


def test_the_list_says_when_each_key_was_last_used(browser: Client, workspace: Workspace, make_key: MakeKey) -> None:
    busy, idle = make_key("busy").key, make_key("idle").key
    used(workspace, busy, 300)
    used(workspace, busy, 12)
    used(workspace, None, 3)
    found = keys_last_used(workspace=workspace)
    assert set(found.by_key) == {busy.pk}
    assert found.since is None
    page = browser.get("/keys/").content.decode()
    assert "12 分钟前" in page
    assert "未使用" in page[page.index(idle.name) :]


def test_the_last_use_is_looked_for_to_a_fixed_depth(workspace: Workspace, make_key: MakeKey) -> None:
    early, late = make_key().key, make_key().key
    used(workspace, early, 50)
    for minutes in (1, 2, 3):
        used(workspace, late, minutes)
    found = keys_last_used(workspace=workspace, depth=2)
    assert set(found.by_key) == {late.pk}
    assert found.since is not None
    row = key_views.key_row(ApiKey(pk=early.pk, created_at=timezone.now() - timedelta(days=1)), found)
    assert (row.last_used, row.used_before) == (None, found.since)
    fresh = key_views.key_row(ApiKey(pk=0, created_at=timezone.now()), found)
    assert (fresh.last_used, fresh.used_before) == (None, None)


def test_looking_for_the_last_use_reads_one_index_backwards(workspace: Workspace) -> None:
    with CaptureQueriesContext(connection) as queries:
        keys_last_used(workspace=workspace)
    assert len(queries) == 1
    plan = UsageRecord.objects.filter(workspace=workspace).order_by("-created_at")[:10].explain()
    assert "usage_of_a_workspace" in plan or connection.vendor == "postgresql"  # small tables are scanned there
    assert "TEMP B-TREE" not in plan


def test_the_queries_do_not_grow_with_the_keys(browser: Client, make_key: MakeKey) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert browser.get("/keys/").status_code == 200
        return len(found)

    for number in range(3):
        make_key(f"few-{number}")
    few = queries()
    for number in range(30):
        issued = make_key(f"many-{number}")
    api_key_revoke(key=issued.key, actor="tests")
    assert queries() == few


def test_many_keys_come_in_pages_with_the_revoked_last(browser: Client, make_key: MakeKey) -> None:
    old = make_key("revoked-early")
    api_key_revoke(key=old.key, actor="tests")
    for number in range(51):
        make_key(f"paged-{number}")
    first, second = (browser.get(f"/keys/?page={page}").content.decode() for page in (1, 2))
    assert "paged-50" in first
    assert "revoked-early" not in first
    assert "revoked-early" in second
    assert "回到第一页" in browser.get("/keys/?page=9").content.decode()
