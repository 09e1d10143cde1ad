"""首字 P50: measured from calls, and nothing where nothing was measured."""

from datetime import timedelta
from itertools import count

import pytest
from billing_calls import call_made, noon
from django.test import Client
from django.utils import timezone

from accounts.models import User, Workspace
from billing.first_tokens import first_tokens, first_tokens_measure
from billing.models import FirstToken, UsageRecord
from billing.tasks import first_tokens_tick
from models_registry.models import Model

serial = count(1)


@pytest.fixture
def model(database: None) -> str:
    return f"first-token-{next(serial)}"


def called(workspace: Workspace, writer: int, model: str, first_ms: int | None, **fields: object) -> None:
    """A call just made, unless the fields say otherwise."""
    record = call_made(workspace, writer, model=model)
    UsageRecord.objects.filter(pk=record.pk).update(first_byte_ms=first_ms, **fields)


def test_it_is_the_median_over_all_workspaces(rich: Workspace, writer: int, model: str) -> None:
    for first_ms in (900, 100, 300):
        called(rich, writer, model, first_ms)
    first_tokens_tick()
    assert first_tokens()[model] == 300
    assert FirstToken.objects.get(model=model).calls == 3


def test_of_a_day_with_too_many_calls_the_last_hours_tell(
    rich: Workspace, writer: int, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    FirstToken.objects.all().delete()
    UsageRecord.objects.filter(created_at__gte=noon(1)).update(created_at=noon(3))  # other tests' are of no interest
    for hours in range(1, 21):
        ago = timezone.now() - timedelta(hours=hours)
        called(rich, writer, model, 100 * hours, created_at=ago)
    monkeypatch.setattr("billing.first_tokens.CALLS_MAX", 10)  # half of them: of half a day
    first_tokens_measure()
    measured = FirstToken.objects.get(model=model)
    assert (measured.calls, measured.p50_ms) == (11, 600)


@pytest.mark.parametrize(
    "fields",
    [
        *({"outcome": "failed"}, {"outcome": "client_closed"}, {"streamed": False}, {"first_ms": None}),
        {"created_at": noon(2)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_tells_nothing_of_the_beginning_does_not_count(
    workspace: Workspace, writer: int, model: str, fields: dict[str, object]
) -> None:
    called(workspace, writer, model, **{"first_ms": 5000, **fields})  # type: ignore[arg-type]
    first_tokens_measure()
    assert model not in first_tokens()


def test_kinds_that_never_stream_count_by_their_whole_answer(workspace: Workspace, writer: int, model: str) -> None:
    called(workspace, writer, model, 38, streamed=False, operation="embeddings")
    first_tokens_measure()
    assert first_tokens()[model] == 38


def test_a_model_that_nobody_calls_any_more_is_forgotten(workspace: Workspace, writer: int, model: str) -> None:
    called(workspace, writer, model, 100)
    first_tokens_measure()
    UsageRecord.objects.filter(model=model).update(created_at=noon(2))
    first_tokens_measure()
    assert model not in first_tokens()


def test_the_catalogue_shows_what_was_measured_and_a_dash_where_nothing_was(
    user: User, workspace: Workspace, writer: int, model: str
) -> None:
    for name in (model, f"{model}-silent"):
        Model.objects.create(name=name, kind="llm", state=Model.State.ENABLED, revision=1)
    called(workspace, writer, model, 684)
    first_tokens_measure()
    client = Client()
    client.force_login(user)
    page = client.get(f"/catalogue/?q={model}").content.decode()
    assert page.count("684 ms") == 1
    assert page.count('<td class="num nowrap">—</td>') == 1
    Model.objects.filter(name__startswith=model).delete()
