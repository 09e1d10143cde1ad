"""账单 and the receipt, as owner, stranger and nobody; as a drawer and as a page."""

import html
import json
import re

import pytest
from billing_calls import FREE, YUAN, born, call_made, held, noon
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User, Workspace
from accounts.services import api_key_create
from billing.models import UsageRecord
from billing.services import credit_grant
from console.onboarding import user_onboard

HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, address: str = "/billing/", **headers: str) -> str:
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def text_of(shown: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", shown)))


def tiles(shown: str) -> list[str]:
    return re.findall(r'class="figure"[^>]*>([^<]+)', shown)


# --- the book --------------------------------------------------------------------------------------
def test_the_bill_asks_for_a_sign_in(database: None) -> None:
    for address in ("/billing/", "/billing/receipts/req_1/"):
        assert Client().get(address)["Location"] == f"/accounts/login/?next={address}"


def test_a_new_workspace_has_its_trial_credit_in_the_book(client: Client) -> None:
    words = text_of(page(client))
    assert "授予 试用额度" in words
    assert "+¥40.000000" in words
    assert "本月消费 ¥0.00" in words


def test_calls_grants_and_open_holds_are_rows_of_their_own(client: Client, workspace: Workspace, writer: int) -> None:
    record = call_made(workspace, writer)
    credit_grant(workspace=workspace, amount_nano=20 * YUAN, reason="线下汇款，合同 HT-42", actor="tests")
    held(workspace, writer)
    words = text_of(page(client))
    assert "充值 线下汇款，合同 HT-42" in words
    assert re.search(r"\+¥20\.000000 .{0,30}¥59\.994000", words)
    assert "结算 a-model" in words
    assert "−¥0.006000" in words
    assert "进行中" in words
    assert "open-model" in words
    assert "预占中 ¥0.10 1 笔" in words
    assert f"/billing/receipts/{record.pk}/" in page(client)


def test_the_tiles_tell_trial_from_paid(client: Client, workspace: Workspace, writer: int) -> None:
    credit_grant(workspace=workspace, amount_nano=100 * YUAN, reason="a test", actor="tests")
    call_made(workspace, writer, prompt=25_000_000, completion=0)  # ¥50: 40 of trial, 10 of what was paid in
    assert [tile.strip() for tile in tiles(page(client))] == ["¥50.00", "−¥40.00", "¥10.00", "¥0.00"]


def test_types_and_models_narrow_the_book_and_the_days_sums(client: Client, workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer, model="one")
    call_made(workspace, writer, model="two", outcome="failed")
    call_made(workspace, writer, model="three", outcome="client_closed")

    def models(query: str) -> set[str]:
        return set(re.findall(r'class="row-link break"[^>]*>([^<]+)', page(client, f"/billing/?{query}")))

    assert models("") == {"one", "two", "three"}
    assert models("type=settled") == {"one"}
    assert models("type=released") == {"two"}
    assert models("type=partial") == {"three"}
    assert models("type=granted") == set()
    assert models("model=one") == {"one"}
    assert "试用额度" in page(client, "/billing/?type=granted")
    assert "−¥0.01" in text_of(page(client, "/billing/"))
    assert "−¥0.006000" in text_of(page(client, "/billing/?model=one"))


def test_a_month_has_its_own_calls_and_leads_to_others(client: Client, workspace: Workspace, writer: int) -> None:
    born(workspace, 70)
    last = noon(35).date()
    call_made(workspace, writer, model="of-this-month")
    call_made(workspace, writer, model="of-a-month-ago", at=noon(35))
    now = page(client)
    assert "of-this-month" in now
    assert "of-a-month-ago" not in now
    assert 'rel="prev"' in now
    assert 'rel="next"' not in now
    then = page(client, f"/billing/?month={last:%Y-%m}")
    assert "of-a-month-ago" in then
    assert "of-this-month" not in then
    assert 'rel="next"' in then
    assert "当月消费" in then
    assert "of-this-month" in page(client, "/billing/?month=2099-01")  # a month to come is this one


@pytest.mark.parametrize("tab", ["days", "models", "keys"])
def test_the_same_money_by_day_model_and_key(
    client: Client, user: User, workspace: Workspace, writer: int, tab: str
) -> None:
    key = api_key_create(user=user, workspace=workspace, name="客服线上", scope="inference").key
    call_made(workspace, writer, key_id=key.pk, prompt=1_000_000, completion=0)
    call_made(workspace, writer, price=FREE)
    words = text_of(page(client, f"/billing/?tab={tab}"))
    assert "¥2.00" in words
    assert {"days": "月", "models": "a-model", "keys": "客服线上"}[tab] in words
    if tab == "keys":
        assert "网页，没有密钥" in words


def test_an_empty_month_says_so_on_every_tab(client: Client, workspace: Workspace) -> None:
    born(workspace, 100)
    month = f"{noon(62):%Y-%m}"
    for tab in ("", "days", "models", "keys"):
        assert "这个月还没有" in page(client, f"/billing/?month={month}&tab={tab}")


def test_the_queries_of_the_bill_do_not_grow_with_its_rows(
    client: Client, user: User, workspace: Workspace, writer: int
) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client, address)
        return len(captured)

    addresses = (
        "/billing/",
        "/billing/?model=model-0",
        "/billing/?tab=days",
        "/billing/?tab=models",
        "/billing/?tab=keys",
    )
    for number in range(33):
        key = api_key_create(user=user, workspace=workspace, name=f"key {number}", scope="inference").key
        call_made(workspace, writer, model=f"model-{number}", key_id=key.pk)
        credit_grant(workspace=workspace, amount_nano=YUAN, reason=f"grant {number}", actor="tests")
        held(workspace, writer)
        if number == 2:
            few = [queries(address) for address in addresses]
    assert [queries(address) for address in addresses] == few


# --- receipts --------------------------------------------------------------------------------------
def test_a_receipt_is_a_page_and_for_htmx_a_drawer(client: Client, workspace: Workspace, writer: int) -> None:
    address = f"/billing/receipts/{call_made(workspace, writer).pk}/"
    whole, drawer = page(client, address), page(client, address, **HTMX)
    assert "<html" in whole
    assert drawer.startswith('<aside class="drawer"')
    assert "<html" in page(client, address, **HTMX, **{"HX-History-Restore-Request": "true"})
    assert "HX-Request" in client.get(address)["Vary"]


def test_a_receipt_multiplies_and_proves_itself(client: Client, user: User, workspace: Workspace, writer: int) -> None:
    key = api_key_create(user=user, workspace=workspace, name="客服线上", scope="inference").key
    record = call_made(workspace, writer, key_id=key.pk)
    words = text_of(page(client, f"/billing/receipts/{record.pk}/"))
    for expected in (
        "输入 tokens 1,000 × ¥2.00 / 百万 ¥0.002000",
        "输出 tokens 500 × ¥8.00 / 百万 ¥0.004000",
        "合计 1,500 ¥0.006000",
        "上游返回（末个数据块的 usage）",
        "价格版本 v7",
        "扣自试用额度",
        f"{record.pk}/hold/1",
        f"{record.pk}/post/1",
        f"{record.pk}/void/1",
        "调用前 ¥40.000000 − 费用 ¥0.006000 = 调用后 ¥39.994000",
        "与账本一致",
        "客服线上",
    ):
        assert expected in words, expected


def test_a_receipt_that_the_ledger_contradicts_says_so(client: Client, workspace: Workspace, writer: int) -> None:
    record = call_made(workspace, writer)
    UsageRecord.objects.filter(pk=record.pk).update(trial_nano=1)
    words = text_of(page(client, f"/billing/receipts/{record.pk}/"))
    UsageRecord.objects.filter(pk=record.pk).update(trial_nano=record.trial_nano)
    assert "与账本不一致" in words
    assert "its record says" in words
    assert "与账本一致" not in words


@pytest.mark.parametrize(
    ("outcome", "price", "said"),
    [
        ("success", FREE, "这个模型免费"),
        ("failed", None, "没有得到可用的回答，所以不计费"),
        ("client_closed", None, "部分结算"),
    ],
)
def test_free_failed_and_partial_calls_have_words_of_their_own(
    client: Client, workspace: Workspace, writer: int, outcome: str, price: object, said: str
) -> None:
    record = call_made(workspace, writer, outcome=outcome, **({"price": price} if price else {}))  # type: ignore[arg-type]
    words = text_of(page(client, f"/billing/receipts/{record.pk}/"))
    assert said in words
    assert "¥0.000000 " not in words


def test_the_receipt_of_somebody_else_is_not_found(client: Client, workspace: Workspace, writer: int) -> None:
    record = call_made(workspace, writer)
    stranger = user_onboard(username=f"receipt-stranger-{workspace.pk}", password="a long pass phrase", is_admin=True)
    other = Client()
    other.force_login(stranger)
    for request_id in (record.pk, "req_unknown"):
        answer = other.get(f"/billing/receipts/{request_id}/")
        assert answer.status_code == 404
        assert "a-model" not in answer.content.decode()
    assert other.get(f"/billing/receipts/{record.pk}/", headers=HTMX).status_code == 404
    assert client.get(f"/billing/receipts/{'x' * 3000}/").status_code == 404


def test_a_receipt_leads_to_its_neighbours(client: Client, workspace: Workspace, writer: int) -> None:
    older, here, newer = (call_made(workspace, writer, at=noon(back)) for back in (3, 2, 1))
    shown = page(client, f"/billing/receipts/{here.pk}/")
    assert re.search(rf'rel="prev" href="/billing/receipts/{newer.pk}/"', shown)
    assert re.search(rf'rel="next" href="/billing/receipts/{older.pk}/"', shown)
    assert 'rel="prev"' not in page(client, f"/billing/receipts/{newer.pk}/")


@pytest.mark.parametrize(
    ("query", "current", "back"),
    [
        ("", "http://testserver/billing/?month=2026-11", "/billing/?month=2026-11"),
        ("?back=/usage/%3Fdays=7", "http://testserver/billing/receipts/req_0/", "/usage/?days=7"),
        ("", "http://testserver/billing/receipts/req_0/", "/billing/"),
        ("?back=//evil.example/", "", "/billing/"),
        ("?back=https://evil.example/", "", "/billing/"),
        ("?back=javascript:alert(1)", "", "/billing/"),
    ],
)
def test_closing_the_drawer_leads_back_to_the_list_and_nowhere_else(
    client: Client, workspace: Workspace, writer: int, query: str, current: str, back: str
) -> None:
    record = call_made(workspace, writer)
    shown = page(client, f"/billing/receipts/{record.pk}/{query}", **HTMX, **{"HX-Current-URL": current})
    found = re.search(r'data-back="([^"]*)"', shown)
    assert found is not None
    assert html.unescape(found[1]) == back


def test_a_receipt_is_copied_as_the_api_tells_it(client: Client, workspace: Workspace, writer: int) -> None:
    record = call_made(workspace, writer)
    shown = page(client, f"/billing/receipts/{record.pk}/")
    copied = json.loads(html.unescape(re.findall(r'data-copy="(\{.*?\})"', shown, re.DOTALL)[0]))
    told = client.get(f"/api/v1/receipts/{record.pk}").json()
    assert copied == told


def test_nothing_is_styled_or_scripted_inline(client: Client, workspace: Workspace, writer: int) -> None:
    record = call_made(workspace, writer)
    for address in ("/billing/", "/billing/?tab=models", "/usage/", f"/billing/receipts/{record.pk}/"):
        shown = page(client, address)
        assert not re.search(r"<[^>]+\s(style|on\w+)=", shown), address
        assert all("nonce=" in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", shown))
