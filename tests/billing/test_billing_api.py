"""The money's API as owner, other user, anonymous, and with keys of both scopes."""

from datetime import timedelta
from typing import Any

import pytest
from billing_calls import YUAN, call_made, held, noon
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User, Workspace
from accounts.services import api_key_create, api_key_revoke
from billing.services import credit_grant
from console.onboarding import user_onboard

ADDRESSES = ("/balance", "/usage", "/usage/daily", "/transfers", "/receipts/req_1")


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def other(workspace: Workspace) -> Client:
    client = Client()
    client.force_login(user_onboard(username=f"api-other-{workspace.pk}", password="a long pass phrase", is_admin=True))
    return client


def told(client: Client, path: str, status: int = 200, **headers: str) -> Any:
    answer = client.get(f"/api/v1{path}", headers=headers)
    assert answer.status_code == status, answer.content
    return answer.json()


# --- who -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ADDRESSES)
def test_who_is_not_signed_in_is_refused(database: None, path: str) -> None:
    body = told(Client(), path, 401)
    assert body["error"]["code"] == "invalid_api_key"
    assert body["request_id"].startswith("req_")


@pytest.mark.parametrize("path", ADDRESSES)
def test_a_key_for_inference_is_not_enough_and_one_for_management_is(
    user: User, workspace: Workspace, path: str
) -> None:
    secrets = {
        scope: api_key_create(user=user, workspace=workspace, name=scope, scope=scope).secret
        for scope in ("inference", "management")
    }
    body = told(Client(), path, 403, Authorization=f"Bearer {secrets['inference']}")
    assert body["error"]["code"] == "permission_denied"
    found = 404 if path.startswith("/receipts") else 200
    told(Client(), path, found, Authorization=f"Bearer {secrets['management']}")
    told(Client(), path, found, Authorization=secrets["management"])
    told(Client(), path, 401, Authorization="Bearer sk-wrong")


def test_a_key_reads_the_workspace_it_belongs_to(user: User, workspace: Workspace, writer: int, other: Client) -> None:
    record = call_made(workspace, writer)
    issued = api_key_create(user=user, workspace=workspace, name="m", scope="management")
    key = {"Authorization": f"Bearer {issued.secret}"}
    assert told(Client(), f"/receipts/{record.pk}", **key)["request_id"] == record.pk
    assert told(other, f"/receipts/{record.pk}", 404)["error"]["code"] == "not_found"
    assert told(other, "/usage")["items"] == []
    assert told(other, "/usage/daily?days=1")["days"][0]["calls"] == 0
    assert [item["amount"] for item in told(other, "/transfers")["items"]] == ["40.000000000"]  # its own trial credit
    api_key_revoke(key=issued.key, actor="tests")
    told(Client(), f"/receipts/{record.pk}", 401, **key)


# --- what ------------------------------------------------------------------------------------------
def test_the_balance_is_trial_paid_and_what_is_held(client: Client, workspace: Workspace, writer: int) -> None:
    credit_grant(workspace=workspace, amount_nano=5 * YUAN + 1, reason="a test", actor="tests")
    held(workspace, writer)
    assert told(client, "/balance") == {
        "currency": "CNY",
        "available": "44.900000001",
        "trial": "39.900000000",
        "paid": "5.000000001",
        "held": "0.100000000",
    }


def test_usage_tells_every_call_page_by_page(client: Client, workspace: Workspace, writer: int) -> None:
    made = [call_made(workspace, writer, at=noon(0) - timedelta(seconds=number)).pk for number in range(5)]
    seen, cursor = [], ""
    for _ in range(3):
        page = told(client, f"/usage?limit=2&cursor={cursor}")
        seen += [item["request_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (made, None)


def test_usage_is_narrowed_by_every_filter(client: Client, workspace: Workspace, writer: int) -> None:
    one = call_made(workspace, writer, model="one", key_id=41)
    call_made(workspace, writer, model="two", outcome="failed", key_id=42)
    call_made(workspace, writer, model="one", key_id=41, at=noon(10))
    for query in ("model=one", "api_key_id=41", "outcome=success", "operation=chat&model=one"):
        assert [item["request_id"] for item in told(client, f"/usage?days=7&{query}")["items"]] == [one.pk], query
    assert told(client, "/usage?operation=ocr")["items"] == []
    item = told(client, "/usage?days=7&model=one")["items"][0]
    assert (item["cost"], item["balance_after"], item["first_byte_ms"]) == ("0.006000000", "39.994000000", 120)


def test_days_have_a_row_each_even_when_nothing_was_called(client: Client, workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer, at=noon(1))
    told_days = told(client, "/usage/daily?days=3")
    assert told_days["time_zone"] == "Asia/Shanghai"
    assert [day["date"] for day in told_days["days"]] == [noon(back).date().isoformat() for back in (2, 1, 0)]
    assert [day["cost"] for day in told_days["days"]] == ["0.000000000", "0.006000000", "0.000000000"]
    assert told_days["total_cost"] == "0.006000000"


def test_a_receipt_is_told_whole(client: Client, workspace: Workspace, writer: int) -> None:
    record = call_made(workspace, writer)
    body = told(client, f"/receipts/{record.pk}")
    price = {"unit": "tokens", "per": 1_000_000}
    assert body["lines"] == [
        {**price, "item": "input", "quantity": 1000, "unit_price": "2.000000000", "amount": "0.002000000"},
        {**price, "item": "output", "quantity": 500, "unit_price": "8.000000000", "amount": "0.004000000"},
    ]
    assert [(step["step"], step["wallet"], step["amount"]) for step in body["transfers"]] == [
        ("hold", "trial", "0.082000000"), ("settle", "trial", "0.006000000"), ("release", "trial", "0.076000000"),
    ]  # fmt: skip
    assert (body["balance_before"], body["charged"], body["balance_after"]) == (
        "40.000000000", "0.006000000", "39.994000000",
    )  # fmt: skip
    assert (body["agrees_with_ledger"], body["findings"]) == (True, [])


def test_transfers_come_with_their_calls_and_grants_between(client: Client, workspace: Workspace, writer: int) -> None:
    first = call_made(workspace, writer)
    credit_grant(workspace=workspace, amount_nano=YUAN, reason="a bonus", actor="tests")
    second = call_made(workspace, writer)
    seen, cursor = [], ""
    for _ in range(2):
        page = told(client, f"/transfers?limit=1&cursor={cursor}")
        seen += [item["id"].replace(first.pk, "1").replace(second.pk, "2") for item in page["items"]]
        cursor = page["next_cursor"]
    assert [one.partition(f"/{workspace.pk}/")[0] for one in seen] == [
        "2/hold/1", "2/post/1", "2/void/1", "grant", "1/hold/1", "1/post/1", "1/void/1", f"trial/{workspace.pk}",
    ]  # fmt: skip
    assert cursor is None


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("/usage?days=0", "days"), ("/usage?days=367", "days"), ("/usage?days=x", "days"),
        ("/usage?limit=101", "limit"), ("/usage?cursor=nonsense", "cursor"), ("/transfers?cursor=1.%00", "cursor"),
        ("/usage?cursor=99999999999999999.x", "cursor"), ("/usage?outcome=great", "outcome"),
        ("/usage?model=%00", "model"), ("/usage/daily?api_key_id=0", "api_key_id"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(client: Client, query: str, param: str) -> None:
    error = told(client, query, 422)["error"]
    assert (error["code"], error["param"]) == ("invalid_request_error", param)
    assert error["message"]


def test_the_queries_of_the_api_do_not_grow_with_its_rows(client: Client, workspace: Workspace, writer: int) -> None:
    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            told(client, path)
        return len(captured)

    paths = ("/balance", "/usage", "/usage/daily?days=30", "/transfers")
    for number in range(33):
        call_made(workspace, writer)
        if number == 2:
            few = [queries(path) for path in paths]
    assert [queries(path) for path in paths] == few


def test_the_document_describes_every_path_with_its_errors(client: Client) -> None:
    paths = told(client, "/openapi.json")["paths"]
    for path in ("/balance", "/usage", "/usage/daily", "/receipts/{request_id}", "/transfers"):
        assert {"200", "401", "403", "404"} <= paths[f"/api/v1{path}"]["get"]["responses"].keys()
