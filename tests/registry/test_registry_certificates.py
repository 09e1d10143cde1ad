"""Authorities of an endpoint: by file, REST and form; checked where they come in, and used by both probes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from registry_people import KeyClient, signed_in, usual
from registry_writing import ENDPOINT, apply, endpoint_of, model, text

from inference.probing.probes import endpoint_probe
from inference.probing.report import Draft, Failure, Report
from inference.probing.staged import staged_probe
from inference.probing.upstream_models import upstream_models
from models_registry.certificates import certificates_checked
from models_registry.documents import DocumentError, registry_parse
from models_registry.export import registry_csv
from models_registry.importing.bulk import bulk_apply, bulk_plan, bulk_read
from models_registry.models import Endpoint, Model
from models_registry.rows import model_rows
from simulator.certificates import Authority
from simulator.server import SimulatorThread

ONE, OTHER = Authority().pem, Authority().pem
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMIGHAgEA-canary\n-----END PRIVATE KEY-----\n"
BAD = ["ours", ONE.replace("MII", "???"), ONE[:200], ONE.replace("-----END", "---END"), f"{ONE}{PRIVATE_KEY}", "证书"]


@pytest.fixture(scope="module")
def secured() -> Iterator[SimulatorThread]:
    with SimulatorThread(tls="private") as upstream:
        yield upstream


@pytest.fixture
def admin(database: None) -> KeyClient:
    return KeyClient(usual(is_admin=True))


# --- what is taken ----------------------------------------------------------------------------------
def test_certificates_are_kept_without_the_words_around_them() -> None:
    pasted = f"subject=CN = ours\r\n{ONE}\n# theirs\n{OTHER}".replace("\n", "\r\n")
    assert certificates_checked(pasted) == ONE + OTHER
    assert certificates_checked(" \n ") == ""


@pytest.mark.parametrize("bad", BAD)
def test_what_is_none_is_refused_with_field_and_fix_and_is_not_repeated(bad: str) -> None:
    with pytest.raises(DocumentError) as caught:
        registry_parse(text(model("x", endpoints=[ENDPOINT, {**ENDPOINT, "ca_certificates": bad}])))
    message = str(caught.value)
    assert message.startswith("models[0].endpoints[1].ca_certificates: ")
    assert ("give certificates alone" if "PRIVATE" in bad else "-----BEGIN CERTIFICATE-----") in message
    assert "canary" not in message


def test_a_models_file_takes_them_as_a_block_and_the_export_writes_one(name: str) -> None:
    block = "\n".join(f"          {line}" for line in ONE.splitlines())
    written = f"""
models:
  - name: {name}
    kind: llm
    price: {{free: true}}
    endpoints:
      - vendor: openai_compatible
        inference_url: https://example.com/v1
        model: m
        ca_certificates: |
{block}
"""
    (read,) = registry_parse(written).models
    assert read.endpoints[0].ca_certificates == ONE
    apply(model(name, endpoints=[{**ENDPOINT, "ca_certificates": ONE + OTHER}]))
    exported = signed_in(is_admin=True).get("/models/export.yaml").content.decode()
    (ours,) = [one for one in yaml.safe_load(exported)["models"] if one["name"] == name]
    assert ours["endpoints"][0]["ca_certificates"] == ONE + OTHER
    assert "    ca_certificates: |\n      -----BEGIN CERTIFICATE-----\n" in exported
    apply(model(name))
    assert Endpoint.objects.get(model__name=name).ca_certificates == ""


# --- over REST --------------------------------------------------------------------------------------
def test_they_are_written_read_changed_and_removed_over_rest(admin: KeyClient, name: str) -> None:
    made = admin("post", "/models", model(name, endpoints=[{**ENDPOINT, "ca_certificates": f"x\n{ONE}"}]))
    (endpoint,) = made.json()["endpoints"]
    assert (made.status_code, endpoint["ca_certificates"]) == (201, ONE)
    where = f"/models/{name}/endpoints/{endpoint['id']}"
    Endpoint.objects.filter(pk=endpoint["id"]).update(health="up")
    assert admin("patch", where, {"weight": 2}).json()["ca_certificates"] == ONE
    assert Endpoint.objects.get(pk=endpoint["id"]).health == "up"
    assert admin("patch", where, {"ca_certificates": OTHER}).json()["ca_certificates"] == OTHER
    assert Endpoint.objects.get(pk=endpoint["id"]).health == "unknown", "it may answer differently now"
    assert admin("patch", where, {"ca_certificates": ""}).json()["ca_certificates"] == ""


@pytest.mark.parametrize("bad", BAD)
def test_rest_names_the_field(admin: KeyClient, name: str, bad: str) -> None:
    apply(model(name))
    where = f"/models/{name}/endpoints"
    spoiled = {**ENDPOINT, "ca_certificates": bad}
    answers = [
        admin("post", "/models", model(f"{name}-new", endpoints=[spoiled])),
        admin("post", where, spoiled),
        admin("patch", f"{where}/{Endpoint.objects.get(model__name=name).pk}", {"ca_certificates": bad}),
        admin("post", "/probe", {"vendor": "ollama", "kind": "llm", **spoiled_probe(bad)}),
    ]
    for answer in answers:
        error = answer.json()["error"]
        assert (answer.status_code, error["param"].endswith("ca_certificates")) == (422, True)
        assert "canary" not in answer.content.decode()


def spoiled_probe(bad: str) -> dict[str, Any]:
    return {"inference_url": "https://example.com/v1", "model": "m", "ca_certificates": bad}


# --- the probes -------------------------------------------------------------------------------------
def probed(upstream: SimulatorThread, authority: str = "", scheme: str = "https") -> Report:
    url = upstream.url.replace("https:", f"{scheme}:")
    return staged_probe(Draft("simulator", "llm", f"{url}/v1", "chat", ca_certificates=authority))


def failure_of(report: Report) -> Failure:
    assert report.failed
    assert report.failed.name == "tls"
    assert report.failed.failure
    return report.failed.failure


def test_the_staged_probe_fails_at_tls_with_the_reason_and_passes_with_the_authority(secured: SimulatorThread) -> None:
    secured.clear()
    failure = failure_of(probed(secured))
    assert (failure.code, failure.words) == ("certificate", "unable to get local issuer certificate")
    assert failure_of(probed(secured, ONE)).code == "certificate"
    assert secured.requests == []
    report = probed(secured, secured.authority_pem)
    assert report.failed is None
    assert report.stages["tls"].facts["version"] == "TLS 1.3"
    assert report.findings.streams, "the second, streamed call was made too"


@pytest.mark.parametrize(
    ("tls", "words"),
    [("expired", "certificate has expired"), ("other_host", "IP address mismatch, certificate is not valid for")],
)
def test_the_staged_probe_tells_what_else_is_wrong(tls: Any, words: str) -> None:
    with SimulatorThread(tls=tls) as upstream:
        failure = failure_of(probed(upstream, upstream.authority_pem))
    assert failure.code == "certificate"
    assert failure.words.startswith(words)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_staged_probe_of_a_text_that_is_no_certificate_says_so(secured: SimulatorThread, scheme: str) -> None:
    assert failure_of(probed(secured, "ours", scheme)).code == "authority"


def test_health_probes_and_enabling_use_the_endpoints_authority(secured: SimulatorThread, name: str) -> None:
    place = {"vendor": "simulator", "inference_url": f"{secured.url}/v1", "model": "chat"}
    told, untold = apply(
        model(name, endpoints=[{**place, "ca_certificates": secured.authority_pem}]),
        model(f"{name}-untold", endpoints=[place]),
    )
    assert endpoint_probe(endpoint_of(told)).answered
    assert "certificate verify failed" in endpoint_probe(endpoint_of(untold)).reason


def test_the_probe_over_rest_uses_them(admin: KeyClient, secured: SimulatorThread) -> None:
    asked = {"vendor": "simulator", "kind": "llm", "inference_url": f"{secured.url}/v1", "model": "chat"}
    assert admin("post", "/probe", {**asked, "ca_certificates": secured.authority_pem}).json()["passed"]
    (stage,) = [one for one in admin("post", "/probe", asked).json()["stages"] if one["state"] == "failed"]
    assert (stage["name"], stage["failure"]["code"]) == ("tls", "certificate")


# --- the form ---------------------------------------------------------------------------------------
def form(upstream: SimulatorThread, name: str, authority: str, do: str = "enable") -> dict[str, str]:
    url = f"{upstream.url}/v1"
    choices = {"vendor": "openai_compatible", "kind": "llm", "unit": "free", "do": do}
    return choices | {"name": name, "upstream_model": "chat", "inference_url": url, "ca_certificates": authority}


def test_the_form_takes_them_and_shows_them_again(secured: SimulatorThread, name: str) -> None:
    client = signed_in(is_admin=True)
    page = client.post("/models/import/", form(secured, name, f"x\r\n{secured.authority_pem}"))
    assert page.status_code == 302
    made = Model.objects.get(name=name)
    assert (made.state, endpoint_of(made).ca_certificates) == ("enabled", secured.authority_pem)
    edited = client.get(f"/models/{made.pk}/edit/").content.decode()
    assert '<details class="whole more" open>' in edited
    assert secured.authority_pem.strip() in edited


def test_the_form_refuses_what_is_none_and_keeps_it_in_view(secured: SimulatorThread, name: str) -> None:
    client = signed_in(is_admin=True)
    page = client.post("/models/import/", form(secured, name, "ours")).content.decode()
    assert "只粘贴 PEM 证书" in page
    assert '<details class="whole more" open>' in page
    assert not Model.objects.filter(name=name).exists()
    tried = client.post("/models/import/", form(secured, name, "ours", do="probe")).content.decode()
    assert "CA 证书读不出来" in tried


# --- lists, tables, copies --------------------------------------------------------------------------
def test_a_list_of_models_is_read_under_the_authority(secured: SimulatorThread) -> None:
    draft = Draft("openai_compatible", "llm", f"{secured.url}/v1", ca_certificates=secured.authority_pem)
    assert upstream_models(draft).models
    (tried,) = upstream_models(replace(draft, ca_certificates="")).tried
    assert tried.status is None
    assert "certificate" in tried.words.lower()


def test_what_is_ticked_there_has_it_too(admin: KeyClient, secured: SimulatorThread, name: str) -> None:
    connection = {"vendor": "ollama", "inference_url": f"{secured.url}/v1", "ca_certificates": secured.authority_pem}
    listed = admin("post", "/upstream-models", connection).json()["models"]
    order = {**connection, "models": listed[:1], "name_prefix": f"{name}/"}
    (made,) = admin("post", "/upstream-models/import", order).json()["imported"]
    assert endpoint_of(Model.objects.get(name=made)).ca_certificates == secured.authority_pem


def test_a_table_brings_it_there_and_back(name: str) -> None:
    apply(model(name, endpoints=[{**ENDPOINT, "ca_certificates": ONE + OTHER}]))
    file = registry_csv(rows=model_rows(models=Model.objects.filter(name=name)))
    assert [row.status for row in bulk_plan(entries=bulk_read(file)).rows] == ["unchanged"]
    apply(model(name))
    bulk_apply(text=file, actor="tests")
    assert Endpoint.objects.get(model__name=name).ca_certificates == ONE + OTHER


def test_a_duplicate_has_it(admin: KeyClient, name: str) -> None:
    apply(model(name, endpoints=[{**ENDPOINT, "ca_certificates": ONE}]))
    admin("post", f"/models/{name}/duplicate", {"name": f"{name}-copy"})
    assert Endpoint.objects.get(model__name=f"{name}-copy").ca_certificates == ONE
