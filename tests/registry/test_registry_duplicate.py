"""A model duplicated: in the browser by the import form, over REST at once; its key goes along unseen, to its host."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from registry_people import KeyClient, signed_in, usual
from registry_writing import ENDPOINT, apply, endpoint_of, model

from models_registry.importing.duplicates import model_duplicate
from models_registry.models import Endpoint, Model, Price
from models_registry.services import RegistryError, health_observe

KEY = "sk-canary-copy-5c0ffee-9a1b"


@pytest.fixture
def admin(database: None) -> Client:
    return signed_in(is_admin=True)


@pytest.fixture
def script(database: None) -> KeyClient:
    return KeyClient(usual(is_admin=True))


def keyed(name: str, *others: dict[str, Any], **fields: Any) -> Model:
    endpoints = [{**ENDPOINT, "api_key": KEY, "auth": "raw"}, *others]
    (made,) = apply(model(name, endpoints=endpoints, limits={"rpm": 600}, context_length=65536, **fields))
    return made


def drawn(client: Client, made: Model) -> str:
    answer = client.get(f"/models/{made.pk}/copy/")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send of the form as it is drawn."""
    form = page.partition('id="import-form"')[2]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = re.search(r' name="([^"]*)"', tag), re.search(r' value="([^"]*)"', tag)
        is_off = re.search(r'type="(radio|checkbox)"', tag) and " checked" not in tag
        if name and not is_off:
            found[name[1]] = value[1] if value else ""
    for name_, options in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name_] = chosen[1] if chosen else ""
    return found


def saved(client: Client, made: Model, **changes: str) -> Any:
    return client.post(f"/models/{made.pk}/copy/", fields_of(drawn(client, made)) | changes | {"do": "save"})


# --- the browser ------------------------------------------------------------------------------------
def test_the_form_has_what_the_model_has_under_a_new_name_and_no_key(admin: Client, name: str) -> None:
    page = drawn(admin, keyed(name))
    fields = fields_of(page)
    wanted = {"name": f"{name}-copy", "upstream_model": "m", "rpm": "600", "context_length": "65,536", "input": "2.00"}
    assert fields.items() >= wanted.items()
    assert (fields["vendor"], fields["kind"], fields["auth"]) == ("openai_compatible", "llm", "raw")
    assert KEY not in page
    assert "sk-…9a1b" in page


def test_saved_it_is_another_model_with_the_same_key(admin: Client, name: str) -> None:
    made = keyed(name)
    assert saved(admin, made)["Location"] == "/models/?kind=llm"
    copy = Model.objects.get(name=f"{name}-copy")
    endpoint = endpoint_of(copy)
    assert (copy.state, copy.rpm, copy.context_length) == ("disabled", 600, 65536)
    assert (endpoint.api_key.reveal(), endpoint.auth, endpoint.health) == (KEY, "raw", "unknown")
    assert copy.prices.get().output_nano == 8 * 10**9
    assert endpoint_of(made).pk != endpoint.pk


@pytest.mark.parametrize("url", ["https://other.com/v1", "http://example.com/v1", "https://example.com:8443/v1"])
def test_a_stored_key_goes_to_no_other_host(admin: Client, name: str, url: str) -> None:
    made = keyed(name)
    saved(admin, made, inference_url=url)
    assert not endpoint_of(Model.objects.get(name=f"{name}-copy")).api_key


def test_another_path_of_the_host_keeps_the_key_and_a_typed_one_replaces_it(admin: Client, name: str) -> None:
    made = keyed(name)
    saved(admin, made, inference_url="https://example.com/v2")
    saved(admin, made, api_key="sk-typed", name=f"{name}-typed")
    assert endpoint_of(Model.objects.get(name=f"{name}-copy")).api_key.reveal() == KEY
    assert endpoint_of(Model.objects.get(name=f"{name}-typed")).api_key.reveal() == "sk-typed"


def test_the_other_endpoints_come_along(admin: Client, name: str) -> None:
    other = {**ENDPOINT, "inference_url": "https://b.example.com/v1", "api_key": "sk-b", "priority": 5, "weight": 3}
    made = keyed(name, other)
    assert "2 个端点一并复制" in drawn(admin, made)
    saved(admin, made)
    found = Endpoint.objects.filter(model__name=f"{name}-copy").order_by("priority")
    assert [(one.inference_url, one.api_key.reveal(), one.weight) for one in found] == [
        ("https://example.com/v1", KEY, 1),
        ("https://b.example.com/v1", "sk-b", 3),
    ]


def test_a_second_copy_has_a_name_of_its_own(admin: Client, name: str) -> None:
    made = keyed(name)
    saved(admin, made)
    saved(admin, made)
    assert fields_of(drawn(admin, made))["name"] == f"{name}-copy-3"
    long = keyed(f"{name}-{'x' * (199 - len(name))}")
    assert len(fields_of(drawn(admin, long))["name"]) <= 200


def test_a_double_click_copies_once(admin: Client, name: str) -> None:
    other = {**ENDPOINT, "inference_url": "https://b.example.com/v1"}
    made = keyed(name, other)
    data = fields_of(drawn(admin, made)) | {"do": "save"}
    for _ in range(2):
        assert admin.post(f"/models/{made.pk}/copy/", data).status_code == 302
    assert Model.objects.get(name=f"{name}-copy").endpoints.count() == 2


@pytest.mark.parametrize("kind", ["embedding", "rerank", "ocr"])
def test_every_kind_and_unit_is_copied(admin: Client, name: str, kind: str) -> None:
    prices = {"embedding": {"per_1k_tokens": "0.0005"}, "rerank": {"per_call": "0.01"}, "ocr": {"per_page": "0.02"}}
    endpoint = {**ENDPOINT, "vendor": "simulator", "inference_url": "http://127.0.0.1:9100/v1"}
    (made,) = apply(model(name, kind=kind, price=prices[kind], endpoints=[endpoint]))
    saved(admin, made)
    copy = Model.objects.get(name=f"{name}-copy")
    columns = ("unit", "input_nano", "call_nano", "page_nano")
    assert copy.kind == kind
    assert copy.prices.values(*columns).get() == made.prices.values(*columns).get()


def test_a_model_without_endpoint_or_price_can_be_copied_too(admin: Client, name: str) -> None:
    (made,) = apply(model(name, price=None))
    made.endpoints.all().delete()
    assert fields_of(drawn(admin, made))["name"] == f"{name}-copy"
    assert admin.get("/models/999999999/copy/").status_code == 404


def test_the_list_and_the_edit_page_lead_here(admin: Client, name: str) -> None:
    made = keyed(name)
    edit, rows = admin.get(f"/models/{made.pk}/edit/"), admin.get(f"/models/?q={name}")
    assert f'href="/models/{made.pk}/copy/"' in edit.content.decode()
    assert 'href="/models/0/copy/"' in rows.content.decode(), "of which a row's menu is made"


def test_only_admins_may(database: None, name: str) -> None:
    made = keyed(name)
    assert signed_in(is_admin=False).get(f"/models/{made.pk}/copy/").status_code == 403


# --- the management API -----------------------------------------------------------------------------
def test_the_api_duplicates_all_of_it_disabled(script: KeyClient, name: str) -> None:
    other = {**ENDPOINT, "inference_url": "https://b.example.com/v1", "api_key": "sk-b", "thinking": "lift"}
    made = keyed(name, other, stream_only=True)
    Model.objects.filter(pk=made.pk).update(state="enabled", state_reason="")
    health_observe(endpoint_id=made.endpoints.earliest("id").pk, health="down", reason="canary reason")
    Price.objects.create(model=made, unit="per_call", call_nano=7)
    answer = script("post", f"/models/{name}/duplicate", {"name": f"{name}/again"})
    assert answer.status_code == 201
    assert KEY not in answer.content.decode()
    assert (answer.json()["state"], answer.json()["price"]["per_call"]) == ("disabled", "0.000000007")
    copy = Model.objects.get(name=f"{name}/again")
    assert (copy.rpm, copy.stream_only, copy.prices.count()) == (600, True, 1)
    found = list(copy.endpoints.order_by("id"))
    assert [one.api_key.reveal() for one in found] == [KEY, "sk-b"]
    assert {(one.health, one.health_reason) for one in found} == {("unknown", "")}
    assert found[1].thinking == "lift"
    assert Model.objects.get(pk=made.pk).endpoints.count() == 2


@pytest.mark.parametrize(
    ("body", "status"), [({"name": "a b"}, 422), ({}, 422), ({"name": "x/duplicate"}, 422), ({"name": "{name}"}, 409)]
)
def test_a_wrong_name_is_refused(script: KeyClient, name: str, body: dict[str, str], status: int) -> None:
    keyed(name)
    sent = {key: value.format(name=name) for key, value in body.items()}
    assert script("post", f"/models/{name}/duplicate", sent).status_code == status


def test_only_admins_may_duplicate_by_key(database: None, name: str) -> None:
    keyed(name)
    developer = KeyClient(usual(is_admin=False))
    assert developer("post", f"/models/{name}/duplicate", {"name": f"{name}-x"}).status_code == 403


def test_a_model_that_is_gone_is_told_so(name: str) -> None:
    """Deleted by somebody else after it was looked up."""
    made = keyed(name)
    Model.objects.filter(pk=made.pk).delete()
    with pytest.raises(RegistryError, match="was deleted in the meantime"):
        model_duplicate(model=made, name=f"{name}-copy", actor="tests")
