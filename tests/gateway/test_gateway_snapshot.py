"""The snapshot follows the registry, and one bad row does not stop it."""

import secrets
import time
from typing import Any

import pytest
from django.db import connection, transaction
from gateway_desk import Caller, Desk, wait_until

from accounts.keys import key_digest
from accounts.models import ApiKey
from accounts.revision import revision_bump
from accounts.services import api_key_revoke
from inference.gateway.routes import Snapshot
from inference.gateway.snapshot import snapshot_load
from models_registry.models import Endpoint, Model, Price
from models_registry.services import health_observe


def test_an_unchanged_registry_gives_the_same_snapshot(caller: Caller, chat_model: str) -> None:
    first = snapshot_load(Snapshot())
    assert snapshot_load(first) is first
    assert chat_model in first.models
    assert key_digest(caller.secret.encode()) in first.principals


def test_only_what_changed_is_loaded(desk: Desk, chat_model: str) -> None:
    first = snapshot_load(Snapshot())
    caller, name = desk.caller(), desk.model()
    second = snapshot_load(first)
    assert second.models[chat_model] is first.models[chat_model]
    assert name in second.models
    assert name not in first.models
    assert key_digest(caller.secret.encode()) in second.principals


def test_a_renamed_or_deleted_model_is_gone(desk: Desk) -> None:
    name, other = desk.model(), desk.model()
    first = snapshot_load(Snapshot())
    with transaction.atomic():
        Model.objects.filter(name=name).update(name=f"{name}-new", revision=revision_bump())
        Model.objects.filter(name=other).delete()
    second = snapshot_load(first)
    assert f"{name}-new" in second.models
    assert not {name, other} & set(second.models)


def test_routing_passes_over_an_endpoint_that_is_down_and_comes_back(caller: Caller) -> None:
    model = caller.desk.model("chat")
    endpoint = Endpoint.objects.get(model__name=model)
    health_observe(endpoint_id=endpoint.pk, health="down", reason="a test")
    caller.desk.settle_snapshot()
    response = caller.chat(model)
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "model_unavailable"
    assert caller.records() == 0
    health_observe(endpoint_id=endpoint.pk, health="up", reason="")
    caller.desk.settle_snapshot()
    assert caller.chat(model).status_code == 200


@pytest.mark.parametrize("url", ["http://10.0.0.1/v1", "http://169.254.169.254/v1", "http://2852039166/v1"])
def test_an_endpoint_at_a_forbidden_address_is_never_called(caller: Caller, url: str) -> None:
    model = caller.desk.model([{"inference_url": url, "model": "x"}])
    response = caller.chat(model)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "model_unavailable")


def test_a_broken_model_does_not_keep_a_key_from_being_revoked(caller: Caller, chat_model: str) -> None:
    """Three ways to break a row: a vendor that is gone, no price, a key nobody can decrypt."""
    desk = caller.desk
    names = [desk.model() for _ in range(3)]
    with transaction.atomic(), connection.cursor() as cursor:
        Endpoint.objects.filter(model__name=names[0]).update(vendor="gone")
        Price.objects.filter(model__name=names[1]).delete()
        pk = Endpoint.objects.get(model__name=names[2]).pk
        cursor.execute("UPDATE models_registry_endpoint SET api_key = 'gAAAA' WHERE id = %s", [pk])
        Model.objects.filter(name__in=names).update(revision=revision_bump())
    try:
        api_key_revoke(key=caller.key, actor="tests")
        desk.settle_snapshot()
        assert caller.chat(chat_model).status_code == 401
        other = desk.caller()
        assert other.chat(chat_model).status_code == 200
        assert {other.chat(name).status_code for name in names} == {404}
    finally:
        Model.objects.filter(name__in=names).delete()


@pytest.mark.slow
def test_a_revocation_is_seen_within_a_second_among_10000_models_and_100000_keys(plane: Any, desk: Desk) -> None:
    chat, caller = desk.model(), desk.caller()
    with transaction.atomic():
        revision = revision_bump()
        models = Model.objects.bulk_create(
            [Model(name=f"bulk-{n}", kind="llm", state="enabled", revision=revision) for n in range(10_000)],
            batch_size=1000,
        )
        Price.objects.bulk_create([Price(model=one, unit="free") for one in models], batch_size=1000)
        Endpoint.objects.bulk_create(
            [
                Endpoint(model=one, vendor="ollama", inference_url="http://127.0.0.1:1/v1", upstream_model="m")
                for one in models
            ],
            batch_size=1000,
        )
        keys = [
            ApiKey(
                workspace=caller.workspace,
                user=caller.user,
                name="bulk",
                prefix=f"sk-{n}",
                digest=secrets.token_bytes(32),
                revision=revision,
            )
            for n in range(100_000)
        ]
        ApiKey.objects.bulk_create(keys, batch_size=2000)
    try:
        one = plane()
        keeper = one.planes[0].gateway.keeper
        assert len(keeper.current.models) >= 10_000
        assert len(keeper.current.principals) >= 100_000
        here = Caller(one, caller.user, caller.workspace, caller.key, caller.secret)
        assert here.chat(chat).status_code == 200
        began = time.monotonic()
        api_key_revoke(key=caller.key, actor="tests")
        wait_until(lambda: here.chat(chat).status_code == 401, 1.0)
        assert time.monotonic() - began < 1.0
    finally:
        Model.objects.filter(name__startswith="bulk-").delete()
        ApiKey.objects.filter(name="bulk").delete()
