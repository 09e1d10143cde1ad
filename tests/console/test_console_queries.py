"""No page's number of queries grows with its rows: every page there is, and what its filters and parts ask for."""

from itertools import count

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from overview_calls import call_made

from accounts.models import ApiKey, User
from accounts.revision import revision_bump
from accounts.selectors import api_keys_visible, workspace_personal
from accounts.services import api_key_create
from billing.ledger import writer_start
from billing.selectors import UsageQuery, usage_records
from billing.services import credit_grant
from console.onboarding import user_onboard
from inference.models import Conversation
from inference.playground.services import Prompt, turn_create
from models_registry.models import Endpoint, HealthChange, Model, Price
from tests.browser.pages import PAGES

serial = count(1)
FEW, MANY = 2, 25
PARTS = (
    *("/?days=1", "/?days=30", "/?part=recent", "/palette/?q=grown", "/playground/history/"),
    *("/usage/?days=1", "/usage/?days=90", "/usage/?days=30&outcome=success", "/usage/?model=grown-1"),
    *("/billing/?tab=days", "/billing/?tab=models", "/billing/?tab=keys", "/billing/?type=granted"),
    *("/catalogue/?q=grown", "/catalogue/?view=cards", "/models/?q=grown", "/models/?health=up", "/models/?state=on"),
    *("/api/v1/models", "/api/v1/models?q=grown", "/api/v1/keys", "/api/v1/usage", "/api/v1/usage/daily"),
    *("/api/v1/transfers", "/api/v1/balance", "/api/v1/me", "/api/v1/vendors"),
)
ADDRESSES = tuple(dict.fromkeys([*(page.path for page in PAGES), *PARTS]))


@pytest.fixture(scope="module")
def admin(database: None) -> User:
    return user_onboard(username=f"queries-{next(serial)}", password="a long pass phrase", is_admin=True)


@pytest.fixture(scope="module")
def counts(admin: User) -> dict[str, tuple[int, int]]:
    """Of each address: queries with a few rows of everything, and with many."""
    client = Client()
    client.force_login(admin)
    grow(admin, FEW)
    for address in ADDRESSES:
        queries(client, address)  # what is kept from the first time on is not counted
    few = {address: queries(client, address) for address in ADDRESSES}
    grow(admin, MANY)
    return {address: (few[address], queries(client, address)) for address in ADDRESSES}


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_queries_of_a_page_do_not_grow_with_its_rows(address: str, counts: dict[str, tuple[int, int]]) -> None:
    few, many = counts[address]
    assert many <= few


def test_a_page_that_asked_for_each_row_would_be_seen(counts: dict[str, tuple[int, int]], admin: User) -> None:
    """What the test above relies on: rows of every kind were added, and a query for each of them would show."""
    assert Model.objects.filter(name__startswith="grown-").count() >= FEW + MANY
    assert Conversation.objects.filter(user=admin).count() == FEW + MANY
    assert api_keys_visible(user=admin).count() == FEW + MANY
    assert usage_records(UsageQuery(workspace_personal(user=admin), None)).count() == 2 * (FEW + MANY)
    assert max(few for few, _ in counts.values()) < MANY


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address, follow=True)
        assert answer.status_code == 200, address
    return len(captured)


def grow(user: User, times: int) -> None:
    """So many models with two endpoints, keys, calls of days past and of today, grants, sessions, conversations."""
    workspace, writer = workspace_personal(user=user), writer_start("queries")
    for _ in range(times):
        number = next(serial)
        model_grow(f"grown-{number}")
        api_key_create(user=user, workspace=workspace, name=f"key {number}", scope=ApiKey.Scope.INFERENCE)
        for days_ago in (0, number % 20):
            call_made(workspace, writer, model=f"grown-{number}", days_ago=days_ago)
        credit_grant(workspace=workspace, amount_nano=10**9, reason="a test", actor="tests")
        prompt = Prompt("hi", (f"grown-{number}",), "", {})
        turn_create(user=user, conversation=None, page_key=f"queries-{number}", prompt=prompt)
        Client().force_login(user)


def model_grow(name: str) -> None:
    with transaction.atomic():
        model = Model.objects.create(name=name, kind="llm", state=Model.State.ENABLED, revision=revision_bump())
    Price.objects.create(model=model, unit="per_m_tokens", input_nano=10**9, output_nano=10**9)
    for health in (Endpoint.Health.UP, Endpoint.Health.DOWN):
        endpoint = Endpoint.objects.create(
            model=model, vendor="openai_compatible", inference_url="https://a.example/v1", upstream_model=name,
            health=health,
        )  # fmt: skip
        HealthChange.objects.create(endpoint=endpoint, old="unknown", new=health, reason="a test")
