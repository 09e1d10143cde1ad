"""/api/v1/vendors and /api/v1/probe."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiKey, User
from accounts.selectors import workspace_personal
from accounts.services import api_key_create
from console.onboarding import user_onboard
from models_registry.models import Model
from models_registry.vendors import VENDORS
from simulator.server import SimulatorThread

KEY = "sk-canary-5c0ffee-3e7c"


def caller(user: User) -> dict[str, str]:
    issued = api_key_create(
        user=user, workspace=workspace_personal(user=user), name="api", scope=ApiKey.Scope.MANAGEMENT
    )
    return {"Authorization": f"Bearer {issued.secret}"}


@pytest.fixture
def admin(name: str) -> dict[str, str]:
    return caller(user_onboard(username=f"api-admin-of-{name}", password="a long pass phrase", is_admin=True))


@pytest.fixture
def developer(user: User) -> dict[str, str]:
    return caller(user)


def test_every_vendor_is_listed_with_the_fields_of_its_kinds(developer: dict[str, str]) -> None:
    answer = Client().get("/api/v1/vendors", headers=developer)
    assert answer.status_code == 200
    listed = {vendor["slug"]: vendor for vendor in answer.json()["data"]}
    assert set(listed) == set(VENDORS)
    for slug, vendor in VENDORS.items():
        kinds = {kind["kind"]: kind for kind in listed[slug]["kinds"]}
        assert set(kinds) == set(vendor.kinds)
        for kind, spec in vendor.kinds.items():
            assert kinds[kind]["default_url"] == spec.default_url
            assert tuple(kinds[kind]["fields"]) == vendor.fields(kind)
            assert kinds[kind]["help"]["zh"]
            assert kinds[kind]["help"]["en"]
        assert listed[slug]["label"] == {"zh": vendor.label_zh, "en": vendor.label_en}


def test_one_vendor_is_read_and_an_unknown_one_is_not_found(developer: dict[str, str]) -> None:
    found = Client().get("/api/v1/vendors/yuanjing", headers=developer).json()
    assert [kind["path"] for kind in found["kinds"]] == ["/chat/completions", "/embeddings", "/rerank", "/unicom-ocr"]
    answer = Client().get("/api/v1/vendors/nobody", headers=developer)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/api/v1/vendors", "/api/v1/vendors/ollama"])
def test_strangers_are_told_to_sign_in(database: None, path: str) -> None:
    assert Client().get(path).status_code == 401


def ask(headers: dict[str, str], upstream: SimulatorThread, **fields: Any) -> Any:
    body = {
        "vendor": "openai_compatible",
        "kind": "llm",
        "inference_url": f"{upstream.url}/v1",
        "model": "chat",
        "api_key": KEY,
    }
    return Client().post("/api/v1/probe", {**body, **fields}, content_type="application/json", headers=headers)


def test_a_probe_reports_its_stages_and_saves_nothing(admin: dict[str, str], upstream: SimulatorThread) -> None:
    before = Model.objects.count()
    report = ask(admin, upstream).json()
    assert report["passed"]
    assert [stage["state"] for stage in report["stages"]] == ["ok", "ok", "skipped", "ok", "ok", "ok"]
    assert report["findings"]["streams"] is True
    assert Model.objects.count() == before


def test_a_failed_probe_is_an_answer_with_the_upstreams_words(admin: dict[str, str], upstream: SimulatorThread) -> None:
    answer = ask(admin, upstream, model=f"chat;status=401;status_body=no {KEY}", inference_url=f"{upstream.url}/v1/v1")
    report = answer.json()
    assert (answer.status_code, report["passed"]) == (200, False)
    failure = next(stage["failure"] for stage in report["stages"] if stage["state"] == "failed")
    assert (failure["status"], failure["words"]) == (404, "no ***")
    assert (report["hints"], report["suggested_url"]) == (["doubled_version"], f"{upstream.url}/v1")
    assert KEY not in answer.content.decode()


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"vendor": "nobody"}, 404, "vendor"),
        ({"vendor": "ollama", "kind": "ocr"}, 422, "kind"),
        ({"kind": "song"}, 422, "kind"),
        ({"api_key": "密钥"}, 422, "api_key"),
        ({"inference_url": "x" * 3000}, 422, "inference_url"),
        ({"surprise": 1}, 422, "surprise"),
    ],
)
def test_a_document_that_cannot_be_probed_names_the_field(
    admin: dict[str, str], upstream: SimulatorThread, fields: dict[str, Any], status: int, param: str
) -> None:
    answer = ask(admin, upstream, **fields)
    assert answer.status_code == status
    assert answer.json()["error"]["param"] == param


def test_only_admins_may_probe(developer: dict[str, str], upstream: SimulatorThread) -> None:
    upstream.clear()
    answer = ask(developer, upstream)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert ask({}, upstream).status_code == 401
    assert upstream.requests == []


def test_the_document_describes_both_with_examples(database: None, developer: dict[str, str]) -> None:
    document = Client().get("/api/v1/openapi.json", headers=developer).json()
    operations = {operation["operationId"] for path in document["paths"].values() for operation in path.values()}
    assert {"vendors_list", "vendor_read", "endpoint_try"} <= operations
    for schema in ("VendorOut", "ProbeIn", "StageOut"):
        assert document["components"]["schemas"][schema]["examples"]
