"""The overview: first steps for who did nothing yet, figures for who did."""

import re
from datetime import timedelta
from itertools import count

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from overview_calls import call_made

from accounts.models import ApiKey, User, Workspace
from accounts.selectors import workspace_personal
from accounts.services import api_key_create
from billing.ledger import writer_start
from console.onboarding import user_onboard
from models_registry.models import Model

serial = count(1)


@pytest.fixture
def client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def writer(database: None) -> int:
    return writer_start("tests")


@pytest.fixture
def other_workspace(database: None) -> Workspace:
    user = user_onboard(username=f"overview-other-{next(serial)}", password="a long pass phrase")
    return workspace_personal(user=user)


@pytest.fixture
def key(user: User, workspace: Workspace) -> ApiKey:
    return api_key_create(user=user, workspace=workspace, name="客服线上", scope="inference").key


def page(client: Client, address: str = "/") -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_new_user_sees_the_first_steps_and_no_empty_charts(client: Client) -> None:
    shown = page(client)
    assert re.findall(r'step-mark"[^>]*>(\d)<', shown) == ["1", "2", "3"]
    assert "/playground/" in shown
    assert "/keys/" in shown
    assert "/v1/chat/completions" in shown
    assert "¥40.00" in shown
    assert '<svg class="chart"' not in shown


@pytest.mark.parametrize(("is_staff", "leads_to"), [(True, "/models/import/"), (False, "/playground/")])
def test_where_nothing_is_served_an_admin_is_led_to_the_import(
    client: Client, user: User, is_staff: bool, leads_to: str
) -> None:
    Model.objects.filter(kind="llm").update(state="disabled")
    User.objects.filter(pk=user.pk).update(is_staff=is_staff)
    primary = re.findall(r'class="button primary" href="([^"]+)"', page(client))
    assert primary == [leads_to]


def test_who_has_a_key_sees_the_overview_with_it(client: Client, key: ApiKey) -> None:
    shown = page(client)
    assert "step-mark" not in shown
    assert f"{key.prefix}…" in shown
    assert "客服线上" in shown
    assert "还没有调用" in shown


def test_who_called_sees_the_call_its_cost_and_the_balance(client: Client, workspace: Workspace, writer: int) -> None:
    record = call_made(workspace, writer, model="called-model")
    shown = page(client)
    assert "called-model" in shown
    assert "¥0.006000" in shown
    assert "¥39.99" in shown  # cut, not rounded up
    assert f"/billing/receipts/{record.pk}/" in shown


def test_calls_of_somebody_else_are_not_shown(client: Client, writer: int, other_workspace: Workspace) -> None:
    call_made(other_workspace, writer, model="not-yours")
    assert "not-yours" not in page(client)


@pytest.mark.parametrize(
    ("address", "days"), [("/", 7), ("/?days=1", 1), ("/?days=30", 30), ("/?days=31", 7), ("/?days=x", 7)]
)
def test_the_period_stands_in_the_address(client: Client, key: ApiKey, address: str, days: int) -> None:
    chosen = re.search(r'href="\?days=(\d+)" aria-current="true"', page(client, address))
    assert chosen is not None
    assert int(chosen[1]) == days


def test_the_period_before_is_compared_with(client: Client, workspace: Workspace, writer: int) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(created_at=workspace.created_at - timedelta(days=60))
    call_made(workspace, writer, days_ago=0, prompt=1_000_000, completion=0)  # ¥2
    call_made(workspace, writer, days_ago=8, prompt=500_000, completion=0)  # ¥1
    shown = page(client)
    assert re.search(r"比前 7 天\s+\+¥1\.00", shown)
    assert re.search(r"比昨天\s+\+¥2\.00", page(client, "/?days=1"))


def test_the_money_lasts_as_long_as_the_last_days_say(client: Client, workspace: Workspace, writer: int) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(created_at=workspace.created_at - timedelta(days=3))
    call_made(workspace, writer, prompt=1, completion=1)
    assert "还能用多久" in page(client)  # today is no full day
    call_made(workspace, writer, days_ago=1, prompt=1_000_000, completion=0)
    shown = page(client)
    assert "按当前速度可用 <b>18 天</b>（日均 ¥2.00）" in shown  # ¥37.99 left: not quite 19
    assert "用完" in shown


def test_the_latest_calls_can_be_asked_for_alone(client: Client, workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer, model="fresh")
    part = page(client, "/?part=recent")
    assert part.startswith('<div id="recent"')
    assert "fresh" in part
    assert "<html" not in part


def test_the_sample_names_a_chat_model_that_was_called(client: Client, workspace: Workspace, writer: int) -> None:
    names = [f"aaa-first-{workspace.pk}", f"zzz-called-{workspace.pk}"]
    for name in names:
        Model.objects.create(name=name, kind="llm", state="enabled", revision=1)
    call_made(workspace, writer, model=names[1])
    assert f'"model": "{names[1]}"' in re.sub(r"<[^>]+>|&quot;", lambda m: '"' if "quot" in m[0] else "", page(client))
    Model.objects.filter(name__in=names).delete()


def test_the_queries_of_the_overview_do_not_grow_with_its_rows(
    client: Client, user: User, workspace: Workspace, writer: int
) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client, address)
        return len(captured)

    def use(times: int) -> None:
        for number in range(times):
            call_made(workspace, writer, model=f"model-{number}", days_ago=number % 7)
            api_key_create(user=user, workspace=workspace, name=f"key {number}", scope="inference")

    use(3)
    few = [queries(address) for address in ("/", "/?days=30", "/?days=1")]
    use(30)
    assert [queries(address) for address in ("/", "/?days=30", "/?days=1")] == few
    assert max(few) < 30


def test_nothing_is_styled_or_scripted_inline(client: Client, workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer)
    for shown in (page(client), page(client, "/?days=1")):
        assert not re.search(r"<[^>]+\s(style|on\w+)=", shown)
        assert all("nonce=" in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", shown))


def test_charts_come_with_a_table_of_the_same_figures(client: Client, workspace: Workspace, writer: int) -> None:
    call_made(workspace, writer, prompt=1234, completion=567)
    tables = re.findall(r"<caption>Tokens</caption>.*?</table>", page(client), re.DOTALL)
    assert len(tables) == 1
    assert "<td>1,234</td>" in tables[0]
    assert "<td>567</td>" in tables[0]
    assert "没有数据" in tables[0]  # the days before there was a workspace
