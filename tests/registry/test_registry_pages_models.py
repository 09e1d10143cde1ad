"""模型管理: the admin's list of models, its switches, its bulk bar and its export."""

import html
import json
import re
import time
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from registry_people import signed_in
from registry_writing import ENDPOINT, apply, endpoint_of, model

from accounts.models import AuditEvent, Revision
from inference.gateway.routes import Snapshot
from inference.gateway.snapshot import snapshot_load
from inference.services import model_enable
from models_registry.documents import registry_parse
from models_registry.models import Endpoint, HealthChange, Model
from models_registry.services import health_observe, registry_apply
from simulator.server import SimulatorThread

KEY = "canary-upstream-key-5c0ffee"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(database: None) -> Client:
    return signed_in(is_admin=True)


def at(upstream: SimulatorThread, served: str = "chat", **fields: Any) -> dict[str, Any]:
    url = f"{upstream.url}/v1"
    return {"vendor": "openai_compatible", "inference_url": url, "model": served, "api_key": KEY, **fields}


def page_of(client: Client, query: str, **more: str) -> str:
    answer = client.get("/models/", {"q": query, **more})
    assert answer.status_code == 200
    return answer.content.decode()


def names_on(page: str) -> list[str]:
    return re.findall(r'class="row-link break" href="[^"]*"[^>]*>([^<]*)<', page)


def row_of(page: str, made: Model) -> str:
    found = re.search(rf'<tr id="model-{made.pk}".*?</tr>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[0])


def toast_of(answer: Any) -> dict[str, Any]:
    toast: dict[str, Any] = json.loads(answer["HX-Trigger"])["toast"]
    return toast


# --- who ---------------------------------------------------------------------------------------------
PATHS = [
    ("get", "/models/"),
    ("get", "/models/export.yaml"),
    ("get", "/models/1/row/"),
    ("post", "/models/bulk/"),
    ("post", "/models/1/enable/"),
    ("post", "/models/1/disable/"),
    ("post", "/models/1/test/"),
    ("post", "/models/1/delete/"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_only_admins_get_in(database: None, method: str, path: str) -> None:
    stranger = getattr(Client(), method)(path)
    assert (stranger.status_code, stranger["Location"]) == (302, f"/accounts/login/?next={path}")
    assert getattr(signed_in(is_admin=False), method)(path).status_code == 403


def test_what_changes_something_wants_a_post_and_a_token(client: Client, name: str) -> None:
    (made,) = apply(model(name))
    for verb in ("enable", "disable", "test", "delete"):
        assert client.get(f"/models/{made.pk}/{verb}/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(f"/models/{made.pk}/disable/").status_code == 403


# --- the list ----------------------------------------------------------------------------------------
def test_a_row_tells_everything_about_a_model(client: Client, name: str, upstream: SimulatorThread) -> None:
    limits = {"rpm": 600, "tpm": 1_000_000}
    (made,) = apply(model(name, limits=limits, endpoints=[at(upstream)]))
    model_enable(model=made, actor="tests")
    row = row_of(page_of(client, name), made)
    host = upstream.url.removeprefix("http://")
    for words in (name, "OpenAI 兼容", host, "/v1", "¥2.00", "¥8.00", "600 RPM", "100 万 TPM", "正常", "100%", "秒前"):
        assert words in row
    assert 'aria-checked="true"' in row
    assert row.count("<i ") == 24
    assert f"/models/{made.pk}/edit/" in row


@pytest.mark.parametrize(
    ("kind", "price", "words"),
    [
        ("llm", {"free": True}, "免费"),
        ("llm", None, "未定价"),
        ("llm", {"per_call": "0.01"}, "¥0.01 / 次"),
        ("llm", {"per_1k_tokens": "0.0155"}, "¥15.50"),
        ("llm", {"input": "0", "output": "0.0008"}, "¥0.0008"),
        ("ocr", {"per_page": "0.02"}, "¥0.02 / 页"),
        ("embedding", {"input": "0.5"}, "¥0.50"),
    ],
)
def test_each_price_is_shown_in_its_unit(client: Client, name: str, kind: str, price: Any, words: str) -> None:
    endpoint = {**ENDPOINT, "vendor": "yuanjing"}
    (made,) = apply(model(name, kind=kind, price=price, endpoints=[endpoint]))
    assert words in row_of(page_of(client, name), made)


def test_no_key_reaches_the_list_a_row_or_the_export(client: Client, name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream, f"chat;status=401;status_body=bad key {KEY}")]))
    model_enable(model=made, actor="tests")
    answers = [client.get("/models/", {"q": name}), client.get(f"/models/{made.pk}/row/")]
    answers += [client.get("/models/export.yaml"), client.post(f"/models/{made.pk}/test/", headers=HTMX)]
    for answer in answers:
        text = answer.content.decode().replace(f"status_body=bad key {KEY}", "what the simulator was told to say")
        assert KEY not in text
        assert KEY not in str(answer.headers)


def test_a_long_address_keeps_its_end_and_a_name_is_escaped(client: Client, name: str) -> None:
    url = f"https://{'sub.' * 20}example.com/{'tenant/' * 20}compatible/v1"
    (made,) = apply(model(f"<b>{name}</b>", endpoints=[{**ENDPOINT, "inference_url": url}]))
    page = page_of(client, name)
    assert f"<b>{name}" not in page
    row = row_of(page, made)
    assert re.search(r"<code>….*example\.com", row)
    assert "compatible/v1</code>" in row
    assert url in row, "the whole of it stands on hover"


def test_tabs_count_what_the_filters_let_through_and_open_where_something_is(client: Client, name: str) -> None:
    apply(model(f"{name}-a", kind="embedding", price={"input": "1"}), model(f"{name}-b", kind="rerank", price=None))
    page = page_of(client, name)
    assert names_on(page) == [f"{name}-a"], "nobody is shown an empty tab while another has what they look for"
    tabs = dict(re.findall(r'">(\w+) <span class="count">(\d+)</span>', page))
    assert tabs == {"LLM": "0", "Embedding": "1", "Rerank": "1", "OCR": "0"}
    assert names_on(page_of(client, name, kind="rerank")) == [f"{name}-b"]
    empty = page_of(client, name, kind="llm")
    assert names_on(empty) == []
    assert "其他种类里有 2 个" in empty


def test_filters_are_words_in_the_address(client: Client, name: str, upstream: SimulatorThread) -> None:
    up, down = at(upstream, f"{name}-up"), at(upstream, f"{name}-down;status=500")
    made = apply(
        model(f"{name}-up", endpoints=[up]),
        model(f"{name}-degraded", endpoints=[up, down]),
        model(f"{name}-down", endpoints=[up]),
        model(f"{name}-unknown", endpoints=[up]),
        model(f"{name}-off", endpoints=[{**ENDPOINT, "vendor": "yuanjing"}]),
    )
    for one in made[:4]:
        model_enable(model=one, actor="tests")
    health_observe(endpoint_id=endpoint_of(made[2]).pk, health="down", reason="answer: HTTP 500: kaputt · POST x")
    Endpoint.objects.filter(model=made[3]).update(health="unknown")
    for word in ("up", "degraded", "down", "unknown"):
        assert names_on(page_of(client, name, health=word)) == [f"{name}-{word}"]
    assert names_on(page_of(client, name, state="off")) == [f"{name}-off"]
    assert len(names_on(page_of(client, name, state="on"))) == 4
    assert names_on(page_of(client, name, vendor="yuanjing")) == [f"{name}-off"]
    assert names_on(page_of(client, f"{name}-down;status"))[0] == f"{name}-degraded", "the upstream's name is found too"
    assert names_on(page_of(client, name, state="off", health="up")) == []
    page = page_of(client, name, health="down")
    assert "上游返回 500" in row_of(page, made[2])
    assert '<option value="down" selected>' in page
    assert "1 / 2 个端点不可用" in page_of(client, name, health="degraded")


@pytest.mark.parametrize(
    "query", ["kind=x&health=y&state=z&vendor=%00&page=-1", "q=%00", "page=99999", f"q={'x' * 9000}"]
)
def test_nonsense_in_the_address_is_no_error(client: Client, query: str) -> None:
    assert client.get(f"/models/?{query}").status_code == 200


def test_htmx_gets_the_list_and_the_tabs_and_going_back_the_page(client: Client, name: str) -> None:
    apply(model(name))
    part = client.get("/models/", {"q": name}, headers=HTMX)
    assert "HX-Request" in part["Vary"]
    text = part.content.decode()
    assert text.count("<html") == 0
    assert 'id="models"' in text
    assert 'hx-swap-oob="true"' in text
    back = client.get("/models/", {"q": name}, headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in back.content.decode()


def test_pages_have_fifty_rows_and_queries_do_not_grow_with_them(client: Client, name: str) -> None:
    several = [ENDPOINT, {**ENDPOINT, "inference_url": "https://b.example.com/v1"}]
    made = apply(*[model(f"{name}-{number:02}", endpoints=several) for number in range(53)])
    for endpoint in Endpoint.objects.filter(model__in=made):
        health_observe(endpoint_id=endpoint.pk, health="up", reason="")
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert len(names_on(page_of(client, f"{name}-00"))) == 1
    with CaptureQueriesContext(connection) as many:
        page = page_of(client, name)
    assert len(many) == len(few)
    assert len(many) < 25
    assert len(names_on(page)) == 50
    assert "第 1–50 个，共 53 个" in page
    last = page_of(client, name, page="2")
    assert names_on(last) == [f"{name}-{number}" for number in (50, 51, 52)]
    assert 'rel="prev"' in last


def test_an_empty_search_says_how_to_go_on(client: Client) -> None:
    page = page_of(client, "there is no such model")
    assert "没有匹配的模型" in page
    assert "清除筛选" in page


# --- the switch --------------------------------------------------------------------------------------
def test_switching_on_checks_until_a_probe_answers(client: Client, name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    row = client.post(f"/models/{made.pk}/enable/", headers=HTMX).content.decode()
    assert row.startswith("<tr")
    for words in ("探测中", 'aria-checked="true"', "every 1s", "?was=checking"):
        assert words in row
    waiting = client.get(f"/models/{made.pk}/row/?was=checking", headers=HTMX)
    assert "every 1s" in waiting.content.decode()
    Model.objects.filter(pk=made.pk).update(checking_since=timezone.now() - timedelta(seconds=10))
    done = client.get(f"/models/{made.pk}/row/?was=checking", headers=HTMX)
    assert "正常" in done.content.decode()
    assert "every 1s" not in done.content.decode()
    assert toast_of(done) == {"text": f"已启用 {name}", "bad": False}
    assert Model.objects.get(pk=made.pk).state == "enabled"


def test_a_row_waits_for_a_worker_that_has_begun(client: Client, name: str, upstream: SimulatorThread) -> None:
    upstream.clear()
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    client.post(f"/models/{made.pk}/enable/", headers=HTMX)
    lease = timezone.now() + timedelta(seconds=20)
    Model.objects.filter(pk=made.pk).update(checking_since=timezone.now() - timedelta(seconds=10), lease_until=lease)
    assert "every 1s" in client.get(f"/models/{made.pk}/row/?was=checking", headers=HTMX).content.decode()
    assert upstream.requests == []


def test_switching_on_fails_with_the_upstreams_own_words(client: Client, name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream, "chat;status=401;status_body=who are you")]))
    client.post(f"/models/{made.pk}/enable/", headers=HTMX)
    Model.objects.filter(pk=made.pk).update(checking_since=timezone.now() - timedelta(seconds=10))
    row = client.get(f"/models/{made.pk}/row/?was=checking", headers=HTMX)
    text = row.content.decode()
    assert 'aria-checked="false"' in text
    assert "上游 401 密钥无效" in text
    said = toast_of(row)
    assert said["bad"]
    assert "who are you" in said["text"]
    assert "HX-Trigger" not in client.get(f"/models/{made.pk}/row/", headers=HTMX), "said once"


def test_an_unpriced_model_cannot_be_switched_on_and_says_why(client: Client, name: str) -> None:
    (made,) = apply(model(name, price=None))
    row = row_of(page_of(client, name), made)
    assert 'disabled title="未定价，不能启用"' in row
    refused = client.post(f"/models/{made.pk}/enable/", headers=HTMX)
    assert refused.status_code == 409
    assert unquote(refused["X-Error"]) == "未定价，不能启用"
    assert Model.objects.get(pk=made.pk).state == "disabled"


def test_a_model_without_an_endpoint_cannot_be_switched_on(client: Client, name: str) -> None:
    (made,) = apply(model(name))
    made.endpoints.all().delete()
    assert 'disabled title="没有端点，不能启用"' in row_of(page_of(client, name), made)
    refused = client.post(f"/models/{made.pk}/enable/", headers=HTMX)
    assert unquote(refused["X-Error"]) == "没有端点，不能启用"


def test_switching_off_works_at_once_also_while_checking(client: Client, name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    client.post(f"/models/{made.pk}/enable/", headers=HTMX)
    row = client.post(f"/models/{made.pk}/disable/", headers=HTMX).content.decode()
    assert 'aria-checked="false"' in row
    assert "已停用" in row
    assert "HX-Trigger" not in client.get(f"/models/{made.pk}/row/?was=checking", headers=HTMX)


def test_two_who_switch_on_at_once_ask_for_one_probe(client: Client, name: str, upstream: SimulatorThread) -> None:
    upstream.clear()
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    for _ in range(2):
        client.post(f"/models/{made.pk}/enable/", headers=HTMX)
    Model.objects.filter(pk=made.pk).update(checking_since=timezone.now() - timedelta(seconds=10))
    for _ in range(2):
        client.get(f"/models/{made.pk}/row/?was=checking", headers=HTMX)
    assert len(upstream.requests) == 1


def test_without_javascript_the_switch_is_a_form_that_comes_back(client: Client, name: str) -> None:
    (made,) = apply(model(name, price=None))
    answer = client.post(f"/models/{made.pk}/enable/", {"next": "/models/?kind=llm&q=x"}, follow=True)
    assert answer.redirect_chain == [("/models/?kind=llm&q=x", 302)]
    assert "未定价，不能启用" in answer.content.decode()
    away = client.post(f"/models/{made.pk}/disable/", {"next": "https://evil.example/"})
    assert away["Location"] == "/models/"


def test_a_model_that_is_gone_takes_its_row_with_it(client: Client) -> None:
    gone = client.get("/models/999999999/row/", headers=HTMX)
    assert (gone.status_code, gone.content) == (200, b"")
    for verb in ("enable", "disable", "test", "delete"):
        refused = client.post(f"/models/999999999/{verb}/", headers=HTMX)
        assert refused.status_code == 404
        assert unquote(refused["X-Error"]) == "这个模型已被删除"


# --- probing -----------------------------------------------------------------------------------------
def test_probing_now_says_what_was_found_and_notes_it(client: Client, name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream, f"chat-{name}")]))
    model_enable(model=made, actor="tests")
    answer = client.post(f"/models/{made.pk}/test/", headers=HTMX)
    assert re.fullmatch(rf"{name} 探测通过，[\d,]+ ms", toast_of(answer)["text"])
    upstream.set_down(models=[f"chat-{name}"])
    time.sleep(0.05)
    answer = client.post(f"/models/{made.pk}/test/", headers=HTMX)
    upstream.set_down(False, models=[f"chat-{name}"])
    assert toast_of(answer)["bad"]
    assert "不可用" in answer.content.decode()
    assert Model.objects.get(pk=made.pk).state == "enabled", "health is not the admin's wish"


def test_a_model_that_is_off_can_be_probed_and_stays_off(client: Client, name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, price=None, endpoints=[at(upstream)]))
    assert not toast_of(client.post(f"/models/{made.pk}/test/", headers=HTMX))["bad"]
    assert Model.objects.get(pk=made.pk).state == "disabled"


def test_time_in_which_a_model_was_off_is_not_told_as_good(
    client: Client, name: str, upstream: SimulatorThread
) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    model_enable(model=made, actor="tests")
    client.post(f"/models/{made.pk}/disable/")
    past = timezone.now() - timedelta(hours=5)
    HealthChange.objects.filter(endpoint__model=made).update(created_at=past - timedelta(hours=1))
    Endpoint.objects.filter(model=made).update(checked_at=past)
    off = row_of(page_of(client, name), made)
    model_enable(model=made, actor="tests")
    on = row_of(page_of(client, name), made)
    for row in (off, on):
        assert row.count('<i class="none"') >= 20
        assert "100%" in row
    assert on.count("无数据") >= 20


# --- several -----------------------------------------------------------------------------------------
def bulk(client: Client, action: str, *made: Model, **more: Any) -> Any:
    return client.post("/models/bulk/", {"action": action, "selected": [one.pk for one in made]}, **more)


def test_several_are_switched_on_and_the_unpriced_are_named(client: Client, name: str) -> None:
    made = apply(model(f"{name}-a"), model(f"{name}-b"), model(f"{name}-c", price=None))
    page = bulk(client, "enable", *made, follow=True).content.decode()
    assert "正在探测 2 个模型，通过后启用" in page
    assert f"未启用：{name}-c（未定价，不能启用）" in page
    assert [Model.objects.get(pk=one.pk).state for one in made] == ["checking", "checking", "disabled"]


@pytest.mark.parametrize("action", ["disable", "delete"])
def test_switching_off_and_deleting_several_is_asked_about_first(
    client: Client, name: str, upstream: SimulatorThread, action: str
) -> None:
    made = apply(model(f"{name}-a", endpoints=[at(upstream)]), model(f"{name}-b"))
    model_enable(model=made[0], actor="tests")
    for headers in ({}, HTMX):
        asked = bulk(client, action, *made, headers=headers).content.decode()
        assert "2 个模型？" in asked
        assert f"{name}-a、{name}-b" in asked
        assert "1 个正在服务，1 秒内停止" in asked
        assert ("<html" in asked) == (not headers)
    assert Model.objects.get(pk=made[0].pk).state == "enabled"
    form = {"action": action, "confirmed": "1", "selected": [one.pk for one in made]}
    done = client.post("/models/bulk/", form, follow=True).content.decode()
    if action == "delete":
        assert "已删除 2 个模型" in done
        assert not Model.objects.filter(pk__in=[one.pk for one in made]).exists()
        assert AuditEvent.objects.filter(verb="model.delete", object__startswith=name).count() == 2
        again = client.post("/models/bulk/", form, follow=True).content.decode()
        assert "没有选中模型" in again, "a second tab, or a double click"
    else:
        assert "已停用 1 个模型" in done
        assert Model.objects.get(pk=made[0].pk).state == "disabled"


def test_one_is_deleted_from_its_menu_after_asking(client: Client, name: str) -> None:
    (made,) = apply(model(name))
    asked = client.post(f"/models/{made.pk}/delete/", headers=HTMX).content.decode()
    assert f"删除 {name}？" in asked
    assert "没有正在服务的模型" in asked
    assert f'name="selected" value="{made.pk}"' in asked
    assert Model.objects.filter(pk=made.pk).exists()


def test_gateways_stop_serving_a_deleted_model(client: Client, name: str, upstream: SimulatorThread) -> None:
    (made,) = apply(model(name, endpoints=[at(upstream)]))
    model_enable(model=made, actor="tests")
    before = snapshot_load(Snapshot())
    assert name in before.models
    client.post("/models/bulk/", {"action": "delete", "confirmed": "1", "selected": [made.pk]})
    after = snapshot_load(before)
    assert after.revision > before.revision
    assert name not in after.models


def test_several_are_probed_soon_and_those_that_are_off_are_said(
    client: Client, name: str, upstream: SimulatorThread
) -> None:
    made = apply(model(f"{name}-a", endpoints=[at(upstream)]), model(f"{name}-b"))
    model_enable(model=made[0], actor="tests")
    later = timezone.now() + timedelta(hours=1)
    Endpoint.objects.filter(model__in=made).update(probe_due_at=later)
    page = bulk(client, "probe", *made, follow=True).content.decode()
    assert "正在探测 1 个模型，1 个已停用的不探测" in page
    assert endpoint_of(made[0]).probe_due_at < timezone.now()
    assert endpoint_of(made[1]).probe_due_at == later
    Endpoint.objects.filter(model__in=made).update(probe_due_at=later)
    answer = client.post("/models/bulk/", {"action": "probe_all"}, headers=HTMX)
    assert answer.status_code == 204
    assert "rows-probed" in answer["HX-Trigger"]
    assert endpoint_of(made[0]).probe_due_at < timezone.now()


def test_probing_none_that_is_on_is_said(client: Client, name: str) -> None:
    refused = bulk(client, "probe", *apply(model(name)), headers=HTMX)
    assert (refused.status_code, unquote(refused["X-Error"])) == (409, "没有已启用的模型可以探测")


def test_enter_in_a_checkbox_does_nothing(client: Client, name: str) -> None:
    """A browser then presses the form's first button, so that one is for nothing."""
    (made,) = apply(model(name))
    form = re.search(r'<form class="models-bulk".*?</form>', page_of(client, name), re.DOTALL)
    assert form is not None
    first = re.search(r"<button[^>]*>", form[0])
    assert first is not None
    assert first[0] == '<button name="action" value="" hidden>'
    answer = client.post("/models/bulk/", {"action": "", "selected": [made.pk], "next": "/models/?q=x"})
    assert answer["Location"] == "/models/?q=x"


def test_bulk_refuses_what_it_does_not_know(client: Client, name: str) -> None:
    (made,) = apply(model(name))
    revision = Revision.objects.get().value
    assert bulk(client, "explode", made, headers=HTMX).status_code == 400
    assert bulk(client, "disable", headers=HTMX).status_code == 409
    wrong = client.post("/models/bulk/", {"action": "enable", "selected": ["x", "-1", "9" * 30]}, headers=HTMX)
    assert wrong.status_code == 409
    assert Revision.objects.get().value == revision


# --- export ------------------------------------------------------------------------------------------
def test_the_export_is_read_back_as_it_was_and_keeps_the_keys(client: Client, name: str) -> None:
    endpoints = [
        {**ENDPOINT, "api_key": KEY, "priority": 1, "weight": 3},
        {**ENDPOINT, "inference_url": "https://b.example.com/v1", "auth": "raw", "thinking": "lift"},
    ]
    given = [
        model(f"{name}/a:1.5b", endpoints=endpoints, limits={"rpm": 5, "tpm": 7}, context_length=4096),
        model(f"{name}-b", price={"per_1k_tokens": "0.0155"}, stream_only=True),
        model(f"{name}-c", kind="ocr", price={"per_page": "0.01"}, endpoints=[{**ENDPOINT, "vendor": "yuanjing"}]),
        model(f"{name}-d", price=None, max_output_tokens=99),
        model(f"{name}-e", price={"free": True}),
        model(f"{name}-f", price={"per_call": "0.000000001"}),
    ]
    made = apply(*given)
    answer = client.get("/models/export.yaml")
    assert answer["Content-Disposition"] == 'attachment; filename="models.yaml"'
    text = answer.content.decode()
    ours = [one for one in yaml.safe_load(text)["models"] if one["name"].startswith(name)]
    document = registry_parse(yaml.safe_dump({"models": ours}))
    wanted = registry_parse(yaml.safe_dump({"models": given}))
    assert sorted(one.name for one in document.models) == sorted(one.name for one in wanted.models)
    by_name = {one.name: one for one in document.models}
    for one in wanted.models:
        for endpoint in one.endpoints:
            endpoint.api_key = None
        read = by_name[one.name].model_copy(update={"endpoints": sorted(by_name[one.name].endpoints, key=str)})
        assert read == one.model_copy(update={"endpoints": sorted(one.endpoints, key=str)})
    registry_apply(document=document, actor="tests")
    assert {one.api_key.reveal() for one in made[0].endpoints.all()} == {KEY, ""}
    assert made[0].prices.count() == 1


def test_the_export_names_what_it_leaves_out(client: Client, name: str) -> None:
    (made,) = apply(model(name))
    made.endpoints.all().delete()
    text = client.get("/models/export.yaml").content.decode()
    assert f"# left out, having no endpoint: {name}" in text
    assert all(one["name"] != name for one in yaml.safe_load(text)["models"])
