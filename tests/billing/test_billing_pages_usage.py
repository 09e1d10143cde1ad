"""用量: charts, filters, rows and the file; as owner, stranger and nobody."""

import asyncio
import csv
import io
import re
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from billing_calls import FREE, call_made, noon
from django.db import connection, connections
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User, Workspace
from accounts.selectors import workspace_personal
from accounts.services import api_key_create
from billing.exports import harmless
from console.onboarding import user_onboard


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, address: str = "/usage/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def rows(shown: str) -> list[str]:
    return re.findall(r'href="/billing/receipts/([^/"]+)/"', shown)


def test_usage_asks_for_a_sign_in(database: None) -> None:
    for address in ("/usage/", "/usage/export.csv"):
        answer = Client().get(address)
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={address}")


def test_without_calls_the_page_says_what_to_do(client: Client) -> None:
    shown = page(client)
    assert "这段时间没有调用" in shown
    assert "/playground/" in shown
    assert '<svg class="chart"' not in shown


def test_calls_stand_newest_first_with_their_figures(client: Client, workspace: Workspace, writer: int) -> None:
    older = call_made(workspace, writer, at=noon(1), prompt=1234, completion=0)
    newer = call_made(workspace, writer, price=FREE)
    failed = call_made(workspace, writer, outcome="failed")
    shown = page(client)
    assert rows(shown) == [failed.pk, newer.pk, older.pk]
    for word in ("1,234", "¥0.002468", "免费", "未计费", "504 超时", "0.90 s", "120 ms"):
        assert word in shown, word
    assert shown.count('<svg class="chart"') == 3


def test_what_is_in_the_address_narrows_rows_charts_and_models(
    client: Client, user: User, workspace: Workspace, writer: int
) -> None:
    key = api_key_create(user=user, workspace=workspace, name="one key", scope="inference").key
    one = call_made(workspace, writer, model="one", key_id=key.pk)
    two = call_made(workspace, writer, model="two", outcome="failed")
    old = call_made(workspace, writer, model="old", at=noon(20))
    assert rows(page(client)) == [two.pk, one.pk]
    assert rows(page(client, "/usage/?days=30")) == [two.pk, one.pk, old.pk]
    assert rows(page(client, "/usage/?model=one")) == [one.pk]
    assert rows(page(client, f"/usage/?key={key.pk}")) == [one.pk]
    assert rows(page(client, "/usage/?outcome=failed")) == [two.pk]
    narrowed = page(client, "/usage/?model=none")
    assert "没有符合筛选的调用" in narrowed
    assert '<option value="none" selected>' in narrowed


@pytest.mark.parametrize(
    "query",
    ["days=-1", "days=999", "key=x", "key=99999999999999999999", "outcome=<b>", "page=-1", "page=9999", "page=%00",
     "model=%00", "month=2026-13", f"model={'x' * 5000}"],
)  # fmt: skip
def test_nonsense_in_the_address_breaks_nothing(client: Client, workspace: Workspace, writer: int, query: str) -> None:
    call_made(workspace, writer)
    for address in ("/usage/", "/billing/"):
        assert client.get(f"{address}?{query}").status_code == 200


def test_names_are_shown_as_they_are_and_never_as_markup(client: Client, workspace: Workspace, writer: int) -> None:
    name = f"<script>alert(1)</script>\"'{'x' * 160}"
    call_made(workspace, writer, model=name)
    for address in ("/usage/", "/billing/", "/", "/billing/?tab=models"):
        shown = page(client, address)
        assert "<script>alert" not in shown
        assert "&lt;script&gt;alert" in shown


def test_nobody_sees_the_calls_of_somebody_else_and_nobody_else_s_keys(
    client: Client, workspace: Workspace, writer: int
) -> None:
    other = user_onboard(username=f"usage-other-{workspace.pk}", password="a long pass phrase", is_admin=True)
    theirs = workspace_personal(user=other)
    key = api_key_create(user=other, workspace=theirs, name="their secret plan", scope="inference").key
    call_made(theirs, writer, model="their-model", key_id=key.pk)
    call_made(workspace, writer, model="my-model", key_id=key.pk)  # a foreign id in a row of ours names nothing
    for address in ("/usage/", f"/usage/?key={key.pk}", "/billing/", "/billing/?tab=keys", "/"):
        shown = page(client, address)
        assert "their" not in shown, address
    admin = Client()
    admin.force_login(other)
    assert "my-model" not in page(admin)


def test_fifty_rows_a_page(client: Client, workspace: Workspace, writer: int) -> None:
    made = [call_made(workspace, writer, at=noon(0) + timedelta(seconds=n)).pk for n in range(51)]
    assert rows(page(client)) == made[:0:-1]
    assert rows(page(client, "/usage/?page=2")) == made[:1]


def test_the_queries_of_the_page_do_not_grow_with_its_rows(
    client: Client, user: User, workspace: Workspace, writer: int
) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client, address)
        return len(captured)

    addresses = ("/usage/", "/usage/?days=1", "/usage/?days=90&outcome=success")
    for number in range(33):
        key = api_key_create(user=user, workspace=workspace, name=f"key {number}", scope="inference").key
        call_made(workspace, writer, model=f"model-{number}", key_id=key.pk)
        if number == 2:
            few = [queries(address) for address in addresses]
    assert [queries(address) for address in addresses] == few


# --- the file --------------------------------------------------------------------------------------
def exported(user: User, address: str) -> list[dict[str, str]]:
    async def read() -> bytes:
        client = AsyncClient()
        await client.aforce_login(user)
        answer = await client.get(address)
        assert answer["Content-Disposition"].startswith('attachment; filename="usage-20')
        body = b"".join([part async for part in answer])  # type: ignore[attr-defined]
        await sync_to_async(connections.close_all)()  # of the thread that read: PostgreSQL waits for it at the end
        return body

    text = asyncio.run(read()).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_file_has_the_calls_of_the_filters_exactly(user: User, workspace: Workspace, writer: int) -> None:
    key = api_key_create(user=user, workspace=workspace, name="=cmd|' /C calc'!A0", scope="inference").key
    record = call_made(workspace, writer, model="one", key_id=key.pk)
    call_made(workspace, writer, model="two")
    [row] = exported(user, "/usage/export.csv?model=one")
    assert row["request_id"] == record.pk
    assert (row["cost_yuan"], row["charged_trial_yuan"], row["uncollected_yuan"]) == (
        "0.006000000", "0.006000000", "0.000000000",
    )  # fmt: skip
    assert row["api_key"] == "'=cmd|' /C calc'!A0"
    assert row["time"].endswith("+08:00")


def test_the_file_goes_on_over_many_pieces(
    user: User, workspace: Workspace, writer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.views.usage.EXPORT_CHUNK", 2)
    made = [call_made(workspace, writer, at=noon(0)).pk for _ in range(5)]
    assert sorted(row["request_id"] for row in exported(user, "/usage/export.csv")) == sorted(made)
    monkeypatch.setattr("billing.views.usage.EXPORT_ROWS_MAX", 4)
    assert len(exported(user, "/usage/export.csv")) == 4
    assert len(exported(user, f"/usage/export.csv?month={noon(0):%Y-%m}")) == 4


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_what_a_spreadsheet_would_run_is_made_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("deepseek-r1=x") == "deepseek-r1=x"
