"""The models file: what is refused, and in which words."""

from typing import Any

import pytest
from django.db import connection
from registry_writing import ENDPOINT, apply, endpoint_of, model, text

from accounts.models import AuditEvent
from models_registry.documents import DocumentError, PriceDocument, registry_parse
from models_registry.models import Endpoint, HealthChange, Model
from models_registry.secret import Secret, fernet
from models_registry.services import health_observe

MISTAKES: list[tuple[dict[str, Any], str, str]] = [
    ({"name": None}, "models[0].name", "Field required"),
    ({"name": ""}, "models[0].name", "at least 1 character"),
    ({"name": "two words"}, "models[0].name", "match pattern"),
    ({"name": "a\nb"}, "models[0].name", "match pattern"),
    ({"name": "a?b"}, "models[0].name", "match pattern"),
    ({"name": "m" * 201}, "models[0].name", "at most 200"),
    ({"name": "a/enable"}, "models[0].name", "'enable' after a slash is a word of the management API's paths"),
    ({"name": "a/endpoints/5"}, "models[0].name", "'endpoints' after a slash"),
    ({"kind": "chat"}, "models[0].kind", "'llm', 'embedding', 'rerank' or 'ocr'"),
    ({"kin": "llm"}, "models[0].kin", "not permitted"),
    ({"price": {}}, "models[0].price", "give exactly one of"),
    ({"price": {"per_call": "1", "free": True}}, "models[0].price", "give exactly one of"),
    ({"price": {"free": False}}, "models[0].price", "give exactly one of"),
    ({"price": {"input": "-1"}}, "models[0].price", "'-1' is not a plain decimal"),
    ({"price": {"input": "1e3"}}, "models[0].price", "'1e3' is not a plain decimal"),
    ({"price": {"input": "两元"}}, "models[0].price", "is not a plain decimal"),
    ({"price": {"input": "0.0000000001"}}, "models[0].price", "finer than a nano-yuan"),
    ({"price": {"per_1k_tokens": "2000000"}}, "models[0].price", "a price above 1000000 yuan is a mistake"),
    ({"price": {"per_call": "99999999999"}}, "models[0].price", "than this ledger can hold"),
    ({"price": {"per_page": "1"}}, "models[0].price", 'kind llm is not billed per_page; give one of {input: "2"'),
    ({"price": {"per_page": "1"}, "kind": "rerank"}, "models[0].price", "kind rerank is not billed per_page"),
    ({"price": {"input": "2"}, "kind": "ocr"}, "models[0].price", "kind ocr is not billed per_m_tokens"),
    (
        {"price": {"per_1k_tokens": "2"}, "kind": "ocr"},
        "models[0].price",
        'kind ocr is not billed per_1k_tokens; give one of {per_page: "0.01"}, {per_call: "0.01"}, {free: true}',
    ),
    ({"price": {"output": "2"}, "kind": "embedding"}, "models[0].price", "its input needs a price above 0"),
    ({"price": {"input": "0", "output": "2"}, "kind": "rerank"}, "models[0].price", "its input needs a price above 0"),
    ({"price": {"input": "0", "output": "0"}}, "models[0].price", "write {free: true}"),
    ({"price": {"per_call": "0.00"}}, "models[0].price", "write {free: true}"),
    ({"limits": {"rpm": 0}}, "models[0].limits.rpm", "greater than or equal to 1"),
    ({"limits": {"rps": 1}}, "models[0].limits.rps", "not permitted"),
    ({"max_output_tokens": -5}, "models[0].max_output_tokens", "greater than or equal to 1"),
    ({"stream_only": "perhaps"}, "models[0].stream_only", "valid boolean"),
    ({"endpoints": None}, "models[0].endpoints", "Field required"),
    ({"endpoints": []}, "models[0].endpoints", "at least 1 item"),
    ({"endpoints": [{**ENDPOINT, "vendor": "acme"}]}, "models[0].endpoints[0].vendor", "'acme' is no vendor"),
    ({"endpoints": [ENDPOINT, {**ENDPOINT, "weight": 0}]}, "models[0].endpoints[1].weight", "greater than or equal"),
    ({"endpoints": [{**ENDPOINT, "priority": "x"}]}, "models[0].endpoints[0].priority", "valid integer"),
    ({"endpoints": [{**ENDPOINT, "auth": "basic"}]}, "models[0].endpoints[0].auth", "'bearer' or 'raw'"),
    ({"endpoints": [{**ENDPOINT, "inference_url": "h/v1"}]}, "endpoints[0].inference_url", "is no http(s) URL"),
    ({"endpoints": [{**ENDPOINT, "inference_url": "ftp://h"}]}, "endpoints[0].inference_url", "is no http(s) URL"),
    ({"endpoints": [{**ENDPOINT, "inference_url": "http://u:p@h"}]}, "inference_url", "keys go into api_key"),
    ({"endpoints": [{**ENDPOINT, "inference_url": "http://h:99999"}]}, "inference_url", "Port out of range"),
    ({"endpoints": [{**ENDPOINT, "model": ""}]}, "models[0]", "endpoints[].model is missing"),
    ({"kind": "ocr", "price": {"free": True}}, "models[0]", "vendor openai_compatible has no ocr"),
]


@pytest.mark.parametrize(("fields", "place", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place(fields: dict[str, Any], place: str, words: str) -> None:
    given = {**model("m"), **fields}
    with pytest.raises(DocumentError) as caught:
        registry_parse(text({key: value for key, value in given.items() if value is not None}))
    assert place in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "prices"),
    [
        ("llm", [{"input": "1"}, {"output": "1"}, {"per_1k_tokens": "1"}, {"per_call": "1"}, {"free": True}]),
        ("embedding", [{"input": "1"}, {"per_1k_tokens": "1"}, {"per_call": "1"}, {"free": True}]),
        ("rerank", [{"input": "1", "output": "0"}, {"per_1k_tokens": "1"}, {"per_call": "1"}, {"free": True}]),
        ("ocr", [{"per_page": "1"}, {"per_call": "1"}, {"free": True}]),
    ],
)
def test_each_kind_takes_the_prices_that_it_charges(kind: str, prices: list[dict[str, Any]]) -> None:
    vendor = {**ENDPOINT, "vendor": "yuanjing"}
    for price in prices:
        registry_parse(text(model("m", kind=kind, price=price, endpoints=[vendor])))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("models: [", "the file is not YAML"),
        ("- a\n- b", "the document"),
        ("", "the document"),
        ("models: []", "models: List should have at least 1 item"),
        ("model: x", "models: Field required"),
        ("!!python/object/apply:os.system ['true']", "the file is not YAML"),
    ],
)
def test_what_is_no_models_file_is_refused(document: str, words: str) -> None:
    with pytest.raises(DocumentError) as caught:
        registry_parse(document)
    assert words in str(caught.value)


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(DocumentError, match="named twice: a"):
        registry_parse(text(model("a"), model("b"), model("a")))


def test_a_key_that_stands_twice_is_refused() -> None:
    twice = 'models: [{name: m, kind: llm, price: {input: "2"}, price: {free: true}, endpoints: []}]'
    with pytest.raises(DocumentError, match="given twice: price"):
        registry_parse(twice)


def test_amounts_without_quotes_are_read_as_they_are_written() -> None:
    document = """
    models:
      - name: 2024-01-01
        kind: llm
        price: {input: 0.00001, output: 010}
        limits: {rpm: 600, tpm: null}
        stream_only: true
        endpoints: [{vendor: openai_compatible, inference_url: http://h/v1, model: 7b, weight: 2}]
    """
    (one,) = registry_parse(document).models
    assert one.price is not None
    assert one.price.columns() == {"unit": "per_m_tokens", "input_nano": 10_000, "output_nano": 10_000_000_000}
    assert (one.name, one.limits.rpm, one.limits.tpm, one.stream_only) == ("2024-01-01", 600, None, True)
    assert one.endpoints[0].weight == 2


@pytest.mark.parametrize(("number", "nano"), [(0.00001, 10_000), (0.1, 100_000_000), (2, 2_000_000_000)])
def test_a_number_of_json_is_the_amount_it_looks_like(number: float, nano: int) -> None:
    assert PriceDocument.model_validate({"per_call": number}).columns()["call_nano"] == nano


@pytest.mark.parametrize("amount", ["1:30", "1e3", "0x10", "1_000", ".5", ".nan", "yes"])
def test_other_ways_of_yaml_to_write_a_number_are_no_amounts(amount: str) -> None:
    price = f"{{per_call: {amount}}}"
    with pytest.raises(DocumentError, match="plain decimal"):
        registry_parse(f"models: [{{name: m, kind: llm, price: {price}, endpoints: []}}]")


def test_ten_thousand_names_are_compared_in_no_time() -> None:
    import time

    document = {"models": [model(f"m{number}") for number in range(10_000)]}
    from models_registry.documents import RegistryDocument

    began = time.monotonic()
    RegistryDocument.model_validate(document)
    assert time.monotonic() - began < 3


# --- applying ----------------------------------------------------------------------------------------
def test_a_model_is_made_and_changed_by_its_name(name: str) -> None:
    (made,) = apply(model(name, context_length=100, limits={"rpm": 5}))
    (again,) = apply(model(name, limits={"tpm": 7}))
    assert made.pk == again.pk
    fresh = Model.objects.get(name=name)
    assert (fresh.context_length, fresh.rpm, fresh.tpm) == (None, None, 7)
    assert fresh.state == Model.State.DISABLED
    assert fresh.revision > made.revision
    verbs = AuditEvent.objects.filter(object=name).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["model.create", "model.change"]


def test_models_that_the_file_does_not_name_stay(name: str) -> None:
    apply(model(name))
    apply(model(f"{name}-other"))
    assert Model.objects.filter(name=name).exists()


def test_all_or_none_are_applied(name: str) -> None:
    broken = model(f"{name}-2", endpoints=[{**ENDPOINT, "api_key": "env:NOT_SET_ANYWHERE"}])
    with pytest.raises(DocumentError, match=rf"{name}-2: .*NOT_SET_ANYWHERE is not set"):
        apply(model(f"{name}-1"), broken)
    assert not Model.objects.filter(name__startswith=f"{name}-").exists()


def test_a_price_that_changes_is_a_new_version_and_one_that_does_not_is_none(name: str) -> None:
    (made,) = apply(model(name))
    apply(model(name))
    assert made.prices.count() == 1
    apply(model(name, price={"per_1k_tokens": "0.008"}))
    apply(model(name, price={"per_1k_tokens": "0.008"}))
    apply(model(name, price=None))
    assert [price.unit for price in made.prices.order_by("id")] == ["per_m_tokens", "per_1k_tokens"]
    newest = made.prices.latest("id")
    assert newest.input_nano == newest.output_nano == 8_000_000_000


def test_a_model_that_becomes_another_kind_needs_a_price_of_that_kind(name: str) -> None:
    apply(model(name))
    ocr = {
        "name": name,
        "kind": "ocr",
        "endpoints": [{"vendor": "yuanjing", "inference_url": "http://h/openapi/v1"}],
    }
    with pytest.raises(DocumentError, match="price is missing: it was priced as kind llm and is to be ocr"):
        apply(ocr)
    assert Model.objects.get(name=name).kind == "llm"
    apply({**ocr, "price": {"per_page": "0.01"}})
    apply(ocr)  # the kind stays, and so does its price
    assert Model.objects.get(name=name).prices.count() == 2


def test_endpoints_are_replaced_and_those_that_stay_keep_their_history(name: str) -> None:
    other = {**ENDPOINT, "inference_url": "https://other.example.com/v1"}
    (made,) = apply(model(name, endpoints=[ENDPOINT, other]))
    kept = made.endpoints.get(inference_url=ENDPOINT["inference_url"])
    health_observe(endpoint_id=kept.pk, health="up", reason="")
    apply(model(name, endpoints=[{**ENDPOINT, "weight": 5, "api_key": "new"}]))
    (left,) = made.endpoints.all()
    assert (left.pk, left.weight, left.health, left.api_key) == (kept.pk, 5, "up", Secret("new"))
    assert HealthChange.objects.filter(endpoint=left).count() == 1


def test_two_endpoints_at_one_address_stay_two(name: str) -> None:
    twice = [{**ENDPOINT, "api_key": "a"}, {**ENDPOINT, "api_key": "b"}]
    (made,) = apply(model(name, endpoints=twice))
    apply(model(name, endpoints=twice))
    assert {endpoint.api_key.reveal() for endpoint in made.endpoints.all()} == {"a", "b"}


# --- keys --------------------------------------------------------------------------------------------
def test_a_key_may_come_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "sk-from-env\n")
    (made,) = apply(model(name, endpoints=[{**ENDPOINT, "api_key": "env:UPSTREAM_KEY"}]))
    assert endpoint_of(made).api_key.reveal() == "sk-from-env"


@pytest.mark.parametrize("key", ["two\nlines", "a b", "密钥", "tab\there", "nul\x00"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(
    name: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "\x00" not in key:
        monkeypatch.setenv("UPSTREAM_KEY", key)
        with pytest.raises(DocumentError, match="variable UPSTREAM_KEY has characters") as caught:
            apply(model(name, endpoints=[{**ENDPOINT, "api_key": "env:UPSTREAM_KEY"}]))
        assert key not in str(caught.value)
    with pytest.raises(DocumentError, match="api_key has characters") as caught:
        apply(model(name, endpoints=[{**ENDPOINT, "api_key": key}]))
    assert key not in str(caught.value)


def test_keys_are_encrypted_at_rest_and_masked_in_print(name: str) -> None:
    canary = f"canary-{name}-secret"
    (made,) = apply(model(name, endpoints=[{**ENDPOINT, "api_key": canary}]))
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM models_registry_endpoint WHERE model_id = %s", [made.pk])
        stored = cursor.fetchone()[0]
    assert canary not in stored
    assert fernet().decrypt(stored.encode()).decode() == canary
    endpoint = endpoint_of(made)
    assert endpoint.api_key.reveal() == canary
    for printed in (repr(endpoint.api_key), str(endpoint.api_key), str(endpoint), f"{endpoint.__dict__}"):
        assert canary not in printed
    assert canary not in str(list(AuditEvent.objects.filter(object=name).values()))


def test_every_encryption_key_decrypts_and_the_first_encrypts(name: str, settings: Any) -> None:
    from cryptography.fernet import Fernet

    (made,) = apply(model(name, endpoints=[{**ENDPOINT, "api_key": "rotated"}]))
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]
    fernet.cache_clear()
    try:
        endpoint = endpoint_of(made)
        assert endpoint.api_key.reveal() == "rotated"
        endpoint.save()
        settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS[:1]
        fernet.cache_clear()
        assert endpoint_of(made).api_key.reveal() == "rotated"
    finally:
        endpoint.api_key = Secret("")
        endpoint.save()
        fernet.cache_clear()


def test_a_key_that_cannot_be_opened_stops_nothing_but_its_own_use(name: str, settings: Any) -> None:
    from cryptography.fernet import Fernet

    from models_registry.secret import SecretUnreadable

    (made,) = apply(model(name, endpoints=[{**ENDPOINT, "api_key": "lost"}]))
    token = Fernet(Fernet.generate_key()).encrypt(b"other").decode()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE models_registry_endpoint SET api_key = %s WHERE model_id = %s", [token, made.pk])
    endpoint = endpoint_of(made)
    with pytest.raises(SecretUnreadable, match="FIELD_ENCRYPTION_KEYS"):
        endpoint.api_key.reveal()
    with pytest.raises(SecretUnreadable):
        endpoint.save()
    Endpoint.objects.filter(pk=endpoint.pk).delete()
