"""The models part of the management API: who may, what is answered, and what each mistake is told."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from registry_people import KeyClient, signed_in, usual
from registry_writing import ENDPOINT, apply, endpoint_of, model

from accounts.models import AuditEvent
from inference.gateway.routes import Snapshot
from inference.gateway.snapshot import snapshot_load
from inference.services import model_enable
from models_registry.models import Endpoint, HealthChange, Model
from models_registry.services import health_observe
from simulator.server import SimulatorThread

KEY = "canary-upstream-key-5c0ffee"


@pytest.fixture
def admin(database: None) -> KeyClient:
    return KeyClient(usual(is_admin=True))


@pytest.fixture
def member(database: None) -> KeyClient:
    return KeyClient(usual(is_admin=False))


def at(upstream: SimulatorThread, served: str = "chat", **fields: Any) -> dict[str, Any]:
    url = f"{upstream.url}/v1"
    return {"vendor": "openai_compatible", "inference_url": url, "model": served, "api_key": KEY, **fields}


def error_of(answer: Any) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    assert error["message"]
    assert answer.json()["request_id"] == answer["X-Request-Id"]
    return answer.status_code, error["code"], error["param"]


# --- who ---------------------------------------------------------------------------------------------
READS = ["/models", "/models/NAME", "/models/NAME/prices"]
ADMIN_READS = ["/models/NAME/endpoints"]
WRITES: list[tuple[str, str, Any]] = [
    ("post", "/models", model("x-not-made")),
    ("patch", "/models/NAME", {"stream_only": True}),
    ("delete", "/models/NAME", None),
    ("post", "/models/NAME/enable", None),
    ("post", "/models/NAME/disable", None),
    ("post", "/models/NAME/test", None),
    ("post", "/models/NAME/prices", {"input": "1", "output": "1"}),
    ("post", "/models/NAME/endpoints", ENDPOINT),
    ("patch", "/models/NAME/endpoints/1", {"weight": 2}),
    ("delete", "/models/NAME/endpoints/1", None),
]
EVERYTHING: list[tuple[str, str, Any]] = [("get", path, None) for path in READS + ADMIN_READS]
EVERYTHING += WRITES


@pytest.fixture
def served(name: str, upstream: SimulatorThread) -> Model:
    (made,) = apply(model(f"org/{name}:1.5b", endpoints=[at(upstream)]))
    model_enable(model=made, actor="tests")
    made.refresh_from_db()
    return made


@pytest.mark.parametrize(("method", "path", "body"), EVERYTHING)
def test_strangers_and_inference_keys_get_nothing(served: Model, method: str, path: str, body: Any) -> None:
    to = path.replace("NAME", served.name)
    bare = Client()
    bare_answer = getattr(bare, method)(f"/api/v1{to}", data=body or "", content_type="application/json")
    assert error_of(bare_answer)[:2] == (401, "invalid_api_key")
    inference = KeyClient(usual(is_admin=True), scope="inference")
    assert error_of(inference(method, to, body))[:2] == (403, "permission_denied")


@pytest.mark.parametrize(("method", "path", "body"), [("get", path, None) for path in ADMIN_READS] + WRITES)
def test_members_may_not_write_nor_see_endpoints(
    member: KeyClient, served: Model, method: str, path: str, body: Any
) -> None:
    assert error_of(member(method, path.replace("NAME", served.name), body))[:2] == (403, "permission_denied")
    served.refresh_from_db()
    assert served.state == "enabled"


def test_members_read_what_is_enabled_and_no_more(member: KeyClient, admin: KeyClient, served: Model) -> None:
    apply(model(f"{served.name}-off"))
    for path in READS[1:]:
        assert member("get", path.replace("NAME", served.name)).status_code == 200
        assert error_of(member("get", path.replace("NAME", f"{served.name}-off")))[:2] == (404, "not_found")
    found = member("get", f"/models?q={served.name}").json()["data"]
    assert [one["name"] for one in found] == [served.name]
    assert (found[0]["endpoints"], found[0]["state_reason"]) == (None, None)
    assert len(admin("get", f"/models?q={served.name}").json()["data"]) == 2
    place = served.endpoints.get().inference_url
    assert member("get", f"/models?q={place}").json()["data"] == [], "an address cannot be guessed by searching for it"
    for query in ("vendor=openai_compatible", "health=up"):
        assert error_of(member("get", f"/models?{query}"))[:2] == (403, "permission_denied")


def test_a_browser_session_needs_the_csrf_token(served: Model) -> None:
    browser = signed_in(is_admin=True)
    assert browser.get(f"/api/v1/models/{served.name}").status_code == 200
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    assert strict.post(f"/api/v1/models/{served.name}/disable").status_code == 403
    assert Model.objects.get(pk=served.pk).state == "enabled"
    assert browser.post(f"/api/v1/models/{served.name}/disable").json()["state"] == "disabled"


def test_no_answer_holds_an_upstreams_key(admin: KeyClient, served: Model, name: str) -> None:
    where = f"/models/{served.name}"
    endpoint_id = served.endpoints.get().pk
    place = {**ENDPOINT, "inference_url": "http://127.0.0.1:9/v1", "api_key": KEY}
    answers = [
        admin("get", f"/models?q={served.name}"),
        admin("get", where),
        admin("get", f"{where}/endpoints"),
        admin("post", "/models", model(f"{name}-new", endpoints=[place])),
        admin("post", f"{where}/endpoints", place),
        admin("patch", f"{where}/endpoints/{endpoint_id}", {"api_key": KEY, "priority": 3}),
        admin("post", f"{where}/test"),
        admin("patch", where, {"limits": {"rpm": 3}}),
        admin("post", f"{where}/endpoints", {**place, "vendor": "nobody"}),
    ]
    for answer in answers:
        assert KEY not in answer.content.decode()
    assert not AuditEvent.objects.filter(details__icontains=KEY).exists()


# --- reading -----------------------------------------------------------------------------------------
def test_a_model_is_read_as_it_was_imported(admin: KeyClient, served: Model) -> None:
    read = admin("get", f"/models/{served.name}").json()
    assert (read["name"], read["kind"], read["state"], read["health"]) == (served.name, "llm", "enabled", "up")
    assert {name: value for name, value in read["price"].items() if value is not None} == {"input": "2", "output": "8"}
    assert read["limits"] == {"rpm": None, "tpm": None, "concurrency": None}
    assert read["uptime_24h_percent"] == 100
    (endpoint,) = read["endpoints"]
    assert endpoint["has_api_key"] is True
    assert "api_key" not in endpoint
    assert endpoint["called_url"] == f"{endpoint['inference_url']}/chat/completions"
    assert (endpoint["health"], endpoint["model"]) == ("up", "chat")


def test_lists_are_filtered_and_paged(admin: KeyClient, name: str) -> None:
    apply(*[model(f"{name}-{number}") for number in range(5)], model(f"{name}-e", kind="embedding", price=None))
    first = admin("get", f"/models?q={name}&page_size=4").json()
    assert [one["name"] for one in first["data"]] == [f"{name}-{number}" for number in range(4)]
    assert (first["page"], first["page_size"], first["has_more"]) == (1, 4, True)
    second = admin("get", f"/models?q={name}&page_size=4&page=2").json()
    assert ([one["name"] for one in second["data"]], second["has_more"]) == ([f"{name}-4", f"{name}-e"], False)
    assert len(admin("get", f"/models?q={name}&kind=embedding").json()["data"]) == 1
    assert len(admin("get", f"/models?q={name}&state=off").json()["data"]) == 6
    assert admin("get", f"/models?q={name}&state=on").json()["data"] == []
    for query in ("kind=x", "page=0", "page_size=201", "health=fine", "state=1", f"q={'x' * 201}"):
        status, code, param = error_of(admin("get", f"/models?{query}"))
        assert (status, code, param) == (422, "invalid_request_error", query.split("=")[0])
    assert admin("get", "/models?q=%00&vendor=%00").status_code == 200


def test_queries_do_not_grow_with_the_list(admin: KeyClient, name: str) -> None:
    made = apply(*[model(f"{name}-{number:02}", endpoints=[ENDPOINT, ENDPOINT]) for number in range(30)])
    for endpoint in Endpoint.objects.filter(model__in=made):
        health_observe(endpoint_id=endpoint.pk, health="up", reason="")
    with CaptureQueriesContext(connection) as few:
        assert len(admin("get", f"/models?q={name}&page_size=3").json()["data"]) == 3
    with CaptureQueriesContext(connection) as many:
        assert len(admin("get", f"/models?q={name}").json()["data"]) == 30
    assert len(many) == len(few) <= 8


@pytest.mark.parametrize("missing", ["nobody", "a/b/c", "%F0%9F%A6%99", "x" * 300])
def test_a_model_that_is_not_there_is_a_404(admin: KeyClient, missing: str) -> None:
    for method, path in (("get", ""), ("get", "/prices"), ("get", "/endpoints"), ("post", "/enable"), ("delete", "")):
        assert error_of(admin(method, f"/models/{missing}{path}"))[:2] == (404, "not_found")


def test_a_name_that_no_model_may_have_is_told_so(admin: KeyClient) -> None:
    for name in ("nobody%00", "a%20b", "a%0A"):
        assert admin("get", f"/models/{name}").status_code in {404, 422}


# --- making ------------------------------------------------------------------------------------------
def test_a_model_is_imported_enabled_and_then_served(admin: KeyClient, name: str, upstream: SimulatorThread) -> None:
    given = model(f"BAAI/{name}:v1.5", endpoints=[at(upstream)], limits={"rpm": 9})
    answer = admin("post", "/models?enable=true", given)
    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["health"], answer.json()["limits"]["rpm"]) == ("enabled", "up", 9)
    assert f"BAAI/{name}:v1.5" in snapshot_load(Snapshot()).models


def test_an_import_that_does_not_enable_is_kept_with_its_reason(
    admin: KeyClient, name: str, upstream: SimulatorThread
) -> None:
    given = model(name, endpoints=[at(upstream, "chat;status=401;status_body=who are you")])
    made = admin("post", "/models?enable=true", given).json()
    assert made["state"] == "disabled"
    assert "auth: HTTP 401: who are you" in made["state_reason"]
    unpriced = admin("post", "/models?enable=true", model(f"{name}-free", price=None, endpoints=[at(upstream)]))
    assert error_of(unpriced) == (409, "conflict", "price")
    assert "imported but not enabled" in unpriced.json()["error"]["message"]
    assert Model.objects.filter(name=f"{name}-free").exists()


def test_a_name_that_is_taken_is_not_replaced(admin: KeyClient, served: Model) -> None:
    answer = admin("post", "/models", model(served.name, price={"free": True}))
    assert error_of(answer) == (409, "already_exists", "name")
    assert served.prices.count() == 1
    assert served.endpoints.get().api_key.reveal() == KEY


MISTAKES: list[tuple[Any, str]] = [
    ({"name": "has space"}, "name"),
    ({"name": ""}, "name"),
    ({"name": "nul\x00"}, "name"),
    ({"kind": "video"}, "kind"),
    ({"price": {"input": "-1"}}, "price"),
    ({"price": {"input": "1", "per_call": "1"}}, "price"),
    ({"price": {"per_page": "1"}}, "price"),
    ({"price": {"input": "0", "output": "0"}}, "price"),
    ({"limits": {"rpm": 0}}, "limits.rpm"),
    ({"limits": {"rps": 1}}, "limits.rps"),
    ({"context_length": 10**12}, "context_length"),
    ({"endpoints": []}, "endpoints"),
    ({"endpoints": [{**ENDPOINT, "vendor": "nobody"}]}, "endpoints.0.vendor"),
    ({"endpoints": [{**ENDPOINT, "inference_url": "ftp://x"}]}, "endpoints.0.inference_url"),
    ({"endpoints": [{**ENDPOINT, "inference_url": "http://a/\x00"}]}, "endpoints.0.inference_url"),
    ({"endpoints": [{**ENDPOINT, "model": "a\x00"}]}, "endpoints.0.model"),
    ({"endpoints": [{**ENDPOINT, "weight": 0}]}, "endpoints.0.weight"),
    ({"endpoints": [{**ENDPOINT, "api_key": "env:SECRET_KEY"}]}, "endpoints.0.api_key"),
    ({"endpoints": [{**ENDPOINT, "api_key": "密钥"}]}, "endpoints.api_key"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("fields", "param"), MISTAKES)
def test_each_mistake_names_its_field(admin: KeyClient, name: str, fields: dict[str, Any], param: str) -> None:
    answer = admin("post", "/models", {**model(name), **fields})
    assert error_of(answer) == (422, "invalid_request_error", param)
    assert not Model.objects.filter(name__contains=name).exists()


def test_a_body_that_is_no_json_is_told_so(admin: KeyClient, served: Model) -> None:
    for method, path in (
        ("post", "/models"),
        ("patch", f"/models/{served.name}"),
        ("post", f"/models/{served.name}/prices"),
    ):
        for body in (b"{", b"[]", b"null", b'"\xff"', b""):
            given = getattr(admin.client, method)(
                f"/api/v1{path}", data=body, content_type="application/json", headers=admin.headers
            )
            assert given.status_code in {400, 422}
            assert given.json()["error"]["code"] == "invalid_request_error"


def test_the_servers_own_environment_cannot_be_sent_away(
    admin: KeyClient, served: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_SECRET", "hush")
    sneaky = {**ENDPOINT, "api_key": "env:SERVER_SECRET"}
    endpoint_id = served.endpoints.get().pk
    for answer in (
        admin("post", f"/models/{served.name}/endpoints", sneaky),
        admin("patch", f"/models/{served.name}/endpoints/{endpoint_id}", {"api_key": " env:SERVER_SECRET"}),
    ):
        assert error_of(answer) == (422, "invalid_request_error", "api_key")
    assert served.endpoints.get().api_key.reveal() == KEY


# --- changing ----------------------------------------------------------------------------------------
def test_only_what_is_sent_changes(admin: KeyClient, served: Model) -> None:
    where = f"/models/{served.name}"
    revision = served.revision
    changed = admin("patch", where, {"limits": {"rpm": 60, "tpm": 7000}, "context_length": 4096}).json()
    assert changed["limits"] == {"rpm": 60, "tpm": 7000, "concurrency": None}
    changed = admin("patch", where, {"limits": {"tpm": None}, "stream_only": True}).json()
    assert changed["limits"] == {"rpm": 60, "tpm": None, "concurrency": None}
    assert (changed["context_length"], changed["stream_only"], changed["state"]) == (4096, True, "enabled")
    assert Model.objects.get(pk=served.pk).revision > revision, "gateways must notice"
    assert snapshot_load(Snapshot()).models[served.name].limits.rpm == 60
    assert admin("patch", where, {"context_length": None}).json()["context_length"] is None
    assert admin("patch", where, {}).status_code == 200
    event = AuditEvent.objects.filter(verb="model.change", object=served.name).latest("id")
    assert event.actor == usual(is_admin=True).username


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"limits": {"rpm": -1}}, "limits.rpm"),
        ({"stream_only": None}, "stream_only"),
        ({"stream_only": "maybe"}, "stream_only"),
        ({"name": "other"}, "name"),
        ({"state": "enabled"}, "state"),
        ({"price": {"per_page": "1"}}, "price"),
        ({"price": {"free": True, "input": "1"}}, "price"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
    ],
)
def test_a_change_that_cannot_be_names_its_field(admin: KeyClient, served: Model, body: Any, param: str) -> None:
    assert error_of(admin("patch", f"/models/{served.name}", body)) == (422, "invalid_request_error", param)


def test_prices_are_versions_and_the_newest_is_in_force(admin: KeyClient, served: Model) -> None:
    where = f"/models/{served.name}/prices"
    made = admin("post", where, {"per_1k_tokens": "0.0155"})
    assert made.status_code == 201
    newest, oldest = made.json()
    assert (newest["in_force"], oldest["in_force"]) == (True, False)
    assert (newest["unit"], newest["price"]["per_1k_tokens"]) == ("per_1k_tokens", "0.0155")
    assert len(admin("post", where, {"per_1k_tokens": "0.01550"}).json()) == 2, "the same again is no new version"
    assert admin("get", where).json() == made.json()
    assert snapshot_load(Snapshot()).models[served.name].price.input_nano == 15_500_000_000
    assert error_of(admin("post", where, {"per_page": "1"})) == (422, "invalid_request_error", "price")
    assert error_of(admin("post", where, {}))[:2] == (422, "invalid_request_error")
    assert admin("patch", f"/models/{served.name}", {"price": {"free": True}}).json()["price"]["free"] is True
    assert served.prices.count() == 3


# --- switching and probing ---------------------------------------------------------------------------
def test_enabling_waits_for_the_probe(admin: KeyClient, name: str, upstream: SimulatorThread) -> None:
    apply(model(name, endpoints=[at(upstream)]), model(f"{name}-free", price=None))
    answer = admin("post", f"/models/{name}/enable")
    assert (answer.status_code, answer.json()["state"]) == (200, "enabled")
    assert admin("post", f"/models/{name}/enable").json()["state"] == "enabled"
    assert error_of(admin("post", f"/models/{name}-free/enable")) == (409, "conflict", "price")
    for _ in range(2):
        assert admin("post", f"/models/{name}/disable").json()["state"] == "disabled"


def test_enabling_that_fails_says_why(admin: KeyClient, name: str, upstream: SimulatorThread) -> None:
    apply(model(name, endpoints=[at(upstream, "chat;status=404;status_body=no such model")]))
    answer = admin("post", f"/models/{name}/enable")
    assert error_of(answer) == (409, "probe_failed", None)
    assert "no such model" in answer.json()["error"]["message"]
    assert admin("get", f"/models/{name}").json()["state"] == "disabled"


def test_a_test_tells_each_endpoints_stage_address_status_and_words(
    admin: KeyClient, name: str, upstream: SimulatorThread
) -> None:
    endpoints = [
        at(upstream, priority=0),
        at(upstream, "chat;status=401;status_body=who are you", priority=1),
        {**at(upstream), "inference_url": "http://127.0.0.1:9/v1", "priority": 2},
    ]
    apply(model(name, endpoints=endpoints, price=None))
    told = admin("post", f"/models/{name}/test").json()
    assert told["answered"] is True
    good, wrong, away = told["results"]
    assert (good["answered"], good["stage"], good["status"], good["message"]) == (True, None, None, "")
    assert good["url"] == f"{upstream.url}/v1/chat/completions"
    assert (wrong["answered"], wrong["stage"], wrong["status"]) == (False, "auth", 401)
    assert wrong["message"] == "who are you"
    assert (away["stage"], away["status"], away["url"]) == ("connect", None, "http://127.0.0.1:9/v1/chat/completions")
    assert all(one["duration_ms"] >= 0 for one in told["results"])
    assert Model.objects.get(name=name).state == "disabled"


# --- endpoints ---------------------------------------------------------------------------------------
def test_endpoints_are_added_changed_and_deleted(admin: KeyClient, served: Model) -> None:
    where = f"/models/{served.name}/endpoints"
    revision = served.revision
    answer = admin("post", where, {**ENDPOINT, "priority": 5})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["has_api_key"], made["health"], made["priority"]) == (False, "unknown", 5)
    assert Model.objects.get(pk=served.pk).revision > revision
    assert [one["priority"] for one in admin("get", where).json()] == [0, 5]
    changed = admin("patch", f"{where}/{made['id']}", {"weight": 7, "api_key": KEY}).json()
    assert (changed["weight"], changed["has_api_key"], changed["priority"]) == (7, True, 5)
    assert len(snapshot_load(Snapshot()).models[served.name].endpoints) == 2
    assert admin("delete", f"{where}/{made['id']}").status_code == 204
    assert len(snapshot_load(Snapshot()).models[served.name].endpoints) == 1
    assert error_of(admin("delete", f"{where}/{made['id']}"))[:2] == (404, "not_found")
    verbs = AuditEvent.objects.filter(object=served.name, verb__startswith="endpoint.").values_list("verb", flat=True)
    assert sorted(verbs) == ["endpoint.change", "endpoint.create", "endpoint.delete"]


def test_a_change_without_a_key_keeps_it_and_an_empty_one_removes_it(admin: KeyClient, served: Model) -> None:
    endpoint = served.endpoints.get()
    where = f"/models/{served.name}/endpoints/{endpoint.pk}"
    assert admin("patch", where, {"weight": 2}).json()["has_api_key"] is True
    assert served.endpoints.get().api_key.reveal() == KEY
    assert served.endpoints.get().health == "up", "a weight says nothing about its health"
    assert admin("patch", where, {"api_key": ""}).json()["has_api_key"] is False


def test_another_place_is_probed_anew(admin: KeyClient, served: Model) -> None:
    endpoint = served.endpoints.get()
    where = f"/models/{served.name}/endpoints/{endpoint.pk}"
    here = endpoint.inference_url.removesuffix("/v1")
    moved = admin("patch", where, {"inference_url": f"{here}/v2"}).json()
    assert (moved["health"], moved["inference_url"]) == ("unknown", f"{here}/v2")
    assert HealthChange.objects.filter(endpoint=endpoint).latest("id").new == "unknown"
    assert endpoint_of(served).api_key.reveal() == KEY


def test_a_stored_key_never_goes_to_another_host(admin: KeyClient, served: Model) -> None:
    where = f"/models/{served.name}/endpoints/{served.endpoints.get().pk}"
    elsewhere = {"inference_url": "https://elsewhere.example.com/v1"}
    answer = admin("patch", where, elsewhere)
    assert answer.status_code in {409, 422}
    assert "send the key for it" in answer.json()["error"]["message"]
    assert endpoint_of(served).inference_url != elsewhere["inference_url"]
    assert admin("patch", where, {**elsewhere, "api_key": "sk-theirs"}).status_code == 200
    assert endpoint_of(served).api_key.reveal() == "sk-theirs"


def test_the_last_endpoint_stays(admin: KeyClient, served: Model) -> None:
    answer = admin("delete", f"/models/{served.name}/endpoints/{served.endpoints.get().pk}")
    assert error_of(answer)[:2] == (409, "conflict")
    assert served.endpoints.count() == 1


def test_an_endpoint_of_another_model_is_not_there(admin: KeyClient, served: Model, name: str) -> None:
    (other,) = apply(model(f"{name}-other"))
    for pk in (other.endpoints.get().pk, 10**30):
        where = f"/models/{served.name}/endpoints/{pk}"
        assert error_of(admin("patch", where, {"weight": 2}))[:2] == (404, "not_found")
        assert error_of(admin("delete", where))[:2] == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"inference_url": "nope"}, "inference_url"),
        ({"weight": 0}, "weight"),
        ({"vendor": "ollama"}, "vendor"),
        ({"model": ""}, "model"),
        ({"api_key": "two words"}, "api_key"),
        ({"health": "up"}, "health"),
    ],
)
def test_a_mistake_in_an_endpoint_names_its_field(admin: KeyClient, served: Model, body: Any, param: str) -> None:
    where = f"/models/{served.name}/endpoints/{served.endpoints.get().pk}"
    assert error_of(admin("patch", where, body)) == (422, "invalid_request_error", param)


def test_a_model_has_twenty_endpoints_at_most_and_only_of_its_kind(admin: KeyClient, name: str) -> None:
    apply(model(name, kind="rerank", price={"input": "1"}, endpoints=[ENDPOINT] * 20))
    assert error_of(admin("post", f"/models/{name}/endpoints", ENDPOINT))[:2] == (409, "conflict")
    ollama = {**ENDPOINT, "vendor": "ollama"}
    assert error_of(admin("post", f"/models/{name}/endpoints", ollama))[:2] == (422, "invalid_request_error")


# --- deleting ----------------------------------------------------------------------------------------
def test_a_deleted_model_is_gone_for_everyone(admin: KeyClient, served: Model) -> None:
    before = snapshot_load(Snapshot())
    assert admin("delete", f"/models/{served.name}").status_code == 204
    assert served.name not in snapshot_load(before).models
    assert error_of(admin("delete", f"/models/{served.name}"))[:2] == (404, "not_found")
    assert AuditEvent.objects.filter(verb="model.delete", object=served.name).count() == 1


# --- the document ------------------------------------------------------------------------------------
def test_the_document_has_examples_and_error_bodies(database: None) -> None:
    document = json.loads(signed_in(is_admin=True).get("/api/v1/openapi.json").content)
    paths = {path: operations for path, operations in document["paths"].items() if path.startswith("/api/v1/models")}
    assert len(paths) == 9
    for operations in paths.values():
        for operation in operations.values():
            assert operation["summary"]
            assert {"401", "403", "404", "422"} <= set(operation["responses"])
    for schema in ("ModelIn", "EndpointIn", "ModelChange", "ModelCopy", "EndpointChange", "PriceIn"):
        assert document["components"]["schemas"][schema]["examples"]
    assert "api_key" not in document["components"]["schemas"]["EndpointOut"]["properties"]
