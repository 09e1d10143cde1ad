"""导入模型 and editing, as an admin's browser does it: what is drawn, what stays, what is saved."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from registry_writing import apply, endpoint_of, model

from accounts.models import AuditEvent, User
from console.onboarding import user_onboard
from models_registry.models import Endpoint, HealthChange, Model, Price
from models_registry.vendors import VENDORS
from simulator.server import SimulatorThread

KEY = "sk-canary-5c0ffee-3e7c"
IMPORT = "/models/import/"


@pytest.fixture(scope="module")
def admin_user(database: None) -> User:
    return user_onboard(username="admin-who-imports", password="a long pass phrase", is_admin=True)


@pytest.fixture
def admin(admin_user: User) -> Client:
    client = Client()
    client.force_login(admin_user)
    return client


def filled(upstream: SimulatorThread, name: str, **fields: Any) -> dict[str, Any]:
    base = {
        "vendor": "openai_compatible",
        "kind": "llm",
        "unit": "per_m_tokens",
        "name": name,
        "upstream_model": "chat",
        "inference_url": f"{upstream.url}/v1",
        "api_key": KEY,
        "input": "4.00",
        "output": "16",
        "do": "enable",
    }
    return {**base, **fields}


def send(client: Client, data: dict[str, Any], path: str = IMPORT) -> str:
    """The fragment, as HTMX gets it."""
    answer = client.post(path, data, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def value_of(page: str, field: str) -> str:
    """What stands in an input."""
    found = re.search(rf'<input[^>]* name="{field}"[^>]*>', page)
    value = found and re.search(r' value="([^"]*)"', found[0])
    return value[1] if value else ""


# --- who --------------------------------------------------------------------------------------------
def test_only_admins_may_import(user: User, admin: Client, name: str) -> None:
    (made,) = apply(model(name))
    developer, stranger = Client(), Client()
    developer.force_login(user)
    for method in ("get", "post"):
        assert getattr(developer, method)(IMPORT).status_code == 403
        assert getattr(developer, method)(f"/models/{made.pk}/edit/").status_code == 403
        assert getattr(stranger, method)(IMPORT)["Location"].startswith("/accounts/login/")
        assert getattr(stranger, method)(f"/models/{made.pk}/edit/")["Location"].startswith("/accounts/login/")
    assert admin.get("/models/999999999/edit/").status_code == 404


def test_a_form_without_the_token_of_the_page_is_refused(admin: Client, upstream: SimulatorThread, name: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin.cookies
    assert strict.post(IMPORT, filled(upstream, name)).status_code == 403
    assert not Model.objects.filter(name=name).exists()


# --- what is drawn ----------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", VENDORS)
def test_every_vendor_and_kind_draws_its_fields(admin: Client, slug: str) -> None:
    vendor = VENDORS[slug]
    for kind, spec in vendor.kinds.items():
        page = unescape(admin.get(f"{IMPORT}?vendor={slug}&kind={kind}").content.decode())
        assert value_of(page, "inference_url") == spec.default_url
        named = set(re.findall(r' name="(\w+)"', page))
        assert set(vendor.fields(kind)) <= named
        assert ("thinking" in named) is (kind == "llm")
        assert ("output" in named) is (kind == "llm")
        assert ("auth" in named) is (len(vendor.auths) > 1)
        units = set(re.findall(r'name="unit" id="id_unit_(\w+)"', page))
        assert ("per_page" in units) is (kind == "ocr")
        for other in ("llm", "embedding", "rerank", "ocr"):
            found = re.search(rf'id="id_kind_{other}"[^>]*>', page)
            assert found is not None
            assert ("disabled" in found[0]) is (other not in vendor.kinds)


def test_another_vendor_keeps_what_was_typed_but_not_the_old_default(
    admin: Client, upstream: SimulatorThread, name: str
) -> None:
    default = VENDORS["yuanjing"].kinds["llm"].default_url
    typed = filled(upstream, name, vendor="ollama", do="redraw", inference_url=default, rpm="600", thinking="lift")
    page = send(admin, typed)
    assert value_of(page, "inference_url") == VENDORS["ollama"].kinds["llm"].default_url
    assert (value_of(page, "name"), value_of(page, "rpm"), value_of(page, "input")) == (name, "600", "4.00")
    page = send(admin, filled(upstream, name, vendor="ollama", do="redraw"))
    assert value_of(page, "inference_url") == f"{upstream.url}/v1", "an address of one's own stays"


def test_what_another_kind_has_no_field_for_comes_back_with_it(
    admin: Client, upstream: SimulatorThread, name: str
) -> None:
    page = send(admin, filled(upstream, name, kind="embedding", do="redraw", thinking="lift", output="16"))
    assert re.search(r'type="hidden" name="output" value="16"', page)
    assert re.search(r'type="hidden" name="thinking" value="lift"', page)
    assert not re.search(r'id="id_output"', page)
    assert value_of(send(admin, filled(upstream, name, do="redraw", output="16")), "output") == "16"


def test_another_unit_keeps_the_probes_result_and_another_kind_does_not(
    admin: Client, upstream: SimulatorThread, name: str
) -> None:
    assert 'id="probe-panel"' not in send(admin, filled(upstream, name, unit="free", do="reprice"))
    assert 'id="probe-panel"' in send(admin, filled(upstream, name, kind="embedding", do="redraw"))


def test_a_kind_the_vendor_lacks_falls_back_to_one_it_has(admin: Client, upstream: SimulatorThread, name: str) -> None:
    page = send(admin, filled(upstream, name, vendor="ollama", kind="ocr", do="redraw"))
    found = re.search(r'id="id_kind_llm"[^>]*>', page)
    assert found is not None
    assert "checked" in found[0]


def test_while_typing_the_final_url_and_the_mistake_are_shown(
    admin: Client, upstream: SimulatorThread, name: str
) -> None:
    page = send(admin, filled(upstream, name, inference_url="https://h.com/v1/v1", do="advise"))
    assert "<del>/v1</del>/chat/completions" in page
    assert "检测到重复的版本段" in page
    assert "采用建议" in page
    assert "<form" not in page
    page = send(admin, filled(upstream, name, inference_url="https://h.com/v1/v1", do="adopt"))
    assert value_of(page, "inference_url") == "https://h.com/v1"
    assert "采用建议" not in page


def test_https_on_a_port_that_speaks_http_is_mended_by_one_click(
    admin: Client, upstream: SimulatorThread, name: str
) -> None:
    wrong = filled(upstream, name, inference_url=f"{upstream.url.replace('http:', 'HTTPS:')}/v1")
    page = send(admin, wrong | {"do": "probe"})
    assert 'name="do" value="unencrypted"' in page
    page = send(admin, wrong | {"do": "unencrypted"})
    assert value_of(page, "inference_url") == f"{upstream.url}/v1"
    right = send(admin, filled(upstream, name, do="probe"))
    assert 'value="unencrypted"' not in right


def test_the_simulators_address_is_where_this_server_started_it(admin: Client, settings: Any) -> None:
    settings.SIMULATOR_PORT = 9123
    page = send(admin, {"vendor": "simulator", "kind": "llm", "do": "redraw"})
    assert value_of(page, "inference_url") == "http://127.0.0.1:9123/v1"
    page = send(admin, {"vendor": "ollama", "kind": "llm", "inference_url": "http://127.0.0.1:9123/v1", "do": "redraw"})
    assert value_of(page, "inference_url") == "http://127.0.0.1:11434/v1", "it was not typed, so it follows the vendor"


def test_the_page_works_without_javascript(admin: Client, upstream: SimulatorThread, name: str) -> None:
    for do in ("redraw", "advise", "adopt", "unencrypted", "missing", "probe"):
        page = admin.post(IMPORT, filled(upstream, name, do=do)).content.decode()
        assert "<!doctype html>" in page
        assert value_of(page, "name") == name
    assert not Model.objects.filter(name=name).exists(), "nothing but saving saves"
    answer = admin.post(IMPORT, filled(upstream, name))
    assert (answer.status_code, answer["Location"]) == (302, "/models/?kind=llm")


# --- the probe --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ["6/6", "支持", "试调用的返回", '"choices"']),
        ({"upstream_model": "chat;think"}, ["内嵌 <think>"]),
        ({"inference_url": "SIM/sim;key=right/v1"}, ["未通过", "鉴权", "HTTP 401", "/sim;key=right/v1/models"]),
        ({"upstream_model": "Embeding"}, ["列表中没有，相近的有 embedding"]),
        ({"upstream_model": "chat;status=500;status_body=kaputt"}, ["HTTP 500", "kaputt", "POST SIM/v1/chat"]),
        ({"inference_url": "http://10.0.0.1/v1"}, ["地址未放行", "ALLOWED_PRIVATE_NETWORKS", "10.0.0.1/32"]),
        ({"inference_url": "http://127.0.0.1:9/v1"}, ["端口拒绝连接", "127.0.0.1:9"]),
        ({"inference_url": ""}, ["未通过", "http:// 或 https://"]),
        ({"name": "", "upstream_model": "chat", "input": ""}, ["6/6"]),
    ],
)
def test_probing_says_what_each_stage_found(
    admin: Client, upstream: SimulatorThread, name: str, fields: dict[str, str], words: list[str]
) -> None:
    fields = {field: value.replace("SIM", upstream.url) for field, value in fields.items()}
    page = send(admin, filled(upstream, name, do="probe") | fields)
    shown = text_of(page.replace("<think>", "‹think›"))
    for word in words:
        assert word.replace("SIM", upstream.url).replace("<think>", "‹think›") in shown
    assert KEY not in page
    assert not Model.objects.filter(name=name).exists()


def test_a_reply_cannot_write_into_the_page(admin: Client, upstream: SimulatorThread, name: str) -> None:
    for switches in ("status=500;status_body=<script>alert(1)</script>", "text=<script>alert(1)</script>"):
        answer = admin.post(IMPORT, filled(upstream, name, do="probe", upstream_model=f"chat;{switches}"))
        assert b"<script>alert" not in answer.content


# --- saving -----------------------------------------------------------------------------------------
def test_a_right_import_is_saved_enabled_and_audited(admin: Client, upstream: SimulatorThread, name: str) -> None:
    fields = {"context_length": "64K", "tpm": "100 万", "rpm": "600", "output": "¥16.50", "thinking": "lift"}
    answer = admin.post(IMPORT, filled(upstream, name, **fields), headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == "/models/?kind=llm"
    made = Model.objects.get(name=name)
    assert made.state == Model.State.ENABLED
    assert (made.context_length, made.tpm, made.rpm, made.concurrency) == (65_536, 1_000_000, 600, None)
    price = made.prices.get()
    assert (price.unit, price.input_nano, price.output_nano) == ("per_m_tokens", 4 * 10**9, 16_500_000_000)
    saved = endpoint_of(made)
    assert (saved.api_key.reveal(), saved.thinking, saved.health) == (KEY, "lift", "up")
    verbs = AuditEvent.objects.filter(object=name).order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["model.create", "model.enable"]
    assert KEY not in str(AuditEvent.objects.filter(object=name).values_list("details", flat=True))


@pytest.mark.parametrize(
    ("kind", "vendor", "path", "price", "unit"),
    [
        ("embedding", "openai_compatible", "/v1", {"input": "0.5"}, "per_m_tokens"),
        ("rerank", "yuanjing", "/openapi/bge/v1", {"per_1k_tokens": "0.0008"}, "per_1k_tokens"),
        ("ocr", "yuanjing", "/openapi/v1", {"per_page": "0.01"}, "per_page"),
        ("ocr", "simulator", "/v1", {"per_call": "0.02"}, "per_call"),
        ("llm", "simulator", "/v1", {}, "free"),
    ],
)
def test_every_kind_and_unit_can_be_imported(
    admin: Client, upstream: SimulatorThread, name: str, kind: str, vendor: str, path: str, price: Any, unit: str
) -> None:
    fields = {"kind": kind, "vendor": vendor, "inference_url": f"{upstream.url}{path}", "unit": unit}
    data = filled(upstream, name, **fields, input="", output="") | price
    answer = admin.post(IMPORT, data)
    assert answer.status_code == 302, text_of(answer.content.decode())
    made = Model.objects.get(name=name)
    assert (made.state, made.kind, made.prices.get().unit) == ("enabled", kind, unit)


def test_saved_as_off_needs_no_price(admin: Client, upstream: SimulatorThread, name: str) -> None:
    upstream.clear()
    assert admin.post(IMPORT, filled(upstream, name, do="save", input="", output="")).status_code == 302
    made = Model.objects.get(name=name)
    assert (made.state, made.prices.count()) == ("disabled", 0)
    assert upstream.requests == []


WRONG = [
    ({"name": ""}, "对外名称", "填写对外名称"),
    ({"name": "two words"}, "对外名称", "名称里不能有空格"),
    ({"upstream_model": ""}, "上游模型名", "填写上游模型名"),
    ({"inference_url": "nonsense"}, "推理 URL", "不是可用的 http(s) 地址"),
    ({"inference_url": "https://u:p@h.com/v1"}, "推理 URL", "不是可用的 http(s) 地址"),
    ({"vendor": "yuanjing", "api_key": ""}, "API Key", "填写 API Key"),
    ({"api_key": "sk-密钥"}, "API Key", "密钥只能含可见的英文字符"),
    ({"api_key": "env:SECRET_KEY"}, "API Key", "env: 只用于命令行"),
    ({"output": ""}, "输出价", "填写输出价，或选免费"),
    ({"output": "", "do": "save"}, "输出价", "填写输出价，或选免费"),
    ({"input": "abc"}, "输入价", "填写金额"),
    ({"input": "0", "output": "0"}, "输入价", "价格为 0 时选免费"),
    ({"input": "9000000"}, "输入价", "价格不能超过 100 万元"),
    ({"rpm": "-1"}, "RPM", "填写 1 到 20 亿之间的整数"),
    ({"weight": "0"}, "权重", "1"),
    ({"kind": "embedding", "input": "0"}, "输入价", "价格为 0 时选免费"),
]


@pytest.mark.parametrize(("fields", "label", "words"), WRONG)
def test_a_mistake_is_told_at_its_field_and_what_was_typed_stays(
    admin: Client, upstream: SimulatorThread, name: str, fields: dict[str, str], label: str, words: str
) -> None:
    typed = filled(upstream, name, rpm="600") | fields
    page = send(admin, typed)
    assert words in text_of(page)
    footer = page[page.index('id="missing"') :]
    assert label in footer
    assert page.count(" autofocus") == 1, "the mistake takes the keyboard"
    for field in ("name", "upstream_model", "inference_url", "input"):
        assert value_of(page, field) == typed[field]
    assert KEY not in page
    assert not Model.objects.filter(name=name).exists()


def test_what_is_missing_is_named_and_linked(admin: Client, upstream: SimulatorThread, name: str) -> None:
    page = send(admin, filled(upstream, "", output="", do="missing"))
    assert "还有 2 项未填" in page
    assert '<a href="#id_output">输出价</a>' in page
    assert '<a href="#id_name">对外名称</a>' in page
    assert "未填" not in send(admin, filled(upstream, name, do="missing"))


def test_without_javascript_a_key_has_to_be_typed_again_and_the_page_says_so(
    admin: Client, upstream: SimulatorThread, name: str
) -> None:
    page = admin.post(IMPORT, filled(upstream, name, output="")).content.decode()
    assert "密钥不会写进页面，需要重新填写" in page
    assert KEY not in page
    assert "密钥不会写进页面" not in send(admin, filled(upstream, name, output="")), "HTMX leaves the field alone"


def test_a_taken_name_is_an_error_and_overwrites_nothing(admin: Client, upstream: SimulatorThread, name: str) -> None:
    apply(model(name))
    before = endpoint_of(Model.objects.get(name=name)).inference_url
    assert "名称已被占用" in send(admin, filled(upstream, name))
    assert endpoint_of(Model.objects.get(name=name)).inference_url == before


def test_a_double_click_imports_once(admin: Client, upstream: SimulatorThread, name: str) -> None:
    draft = value_of(admin.get(IMPORT).content.decode(), "draft")
    assert len(draft) >= 12
    data = filled(upstream, name, draft=draft)
    assert [admin.post(IMPORT, data).status_code for _ in range(2)] == [302, 302]
    made = Model.objects.get(name=name)
    assert (made.endpoints.count(), made.prices.count(), made.state) == (1, 1, "enabled")
    assert "名称已被占用" in send(admin, filled(upstream, name, draft="another"))


def test_a_model_that_does_not_answer_is_kept_off_and_its_page_says_why(
    admin: Client, upstream: SimulatorThread, name: str
) -> None:
    data = filled(upstream, name, upstream_model=f"chat;status=401;status_body=bad key {KEY}", rpm="600")
    answer = admin.post(IMPORT, data, headers={"HX-Request": "true"})
    made = Model.objects.get(name=name)
    assert answer["HX-Redirect"] == f"/models/{made.pk}/edit/?endpoint={endpoint_of(made).pk}"
    assert made.state == "disabled"
    page = unescape(admin.get(answer["HX-Redirect"]).content.decode())
    shown = text_of(page)
    for word in ("为什么没有启用", "鉴权", f"POST {upstream.url}/v1/chat/completions", "401", "bad key ***"):
        assert word in shown
    assert f"{name} 已保存，未能启用" in shown
    assert (value_of(page, "rpm"), value_of(page, "input"), value_of(page, "output")) == ("600", "4.00", "16.00")
    assert KEY not in page.replace(data["upstream_model"], "")
    assert "sk-…3e7c" in page


# --- editing ----------------------------------------------------------------------------------------
@pytest.fixture
def made(upstream: SimulatorThread, name: str) -> Model:
    place = {"vendor": "openai_compatible", "inference_url": f"{upstream.url}/v1", "model": "chat", "api_key": KEY}
    (model_made,) = apply(model(name, price={"input": "4", "output": "16"}, endpoints=[place]))
    return model_made


def edit(made: Model) -> str:
    return f"/models/{made.pk}/edit/"


def test_editing_keeps_the_key_the_price_version_and_the_health(
    admin: Client, upstream: SimulatorThread, made: Model
) -> None:
    before = endpoint_of(made)
    assert admin.post(edit(made), filled(upstream, "", api_key="", rpm="60")).status_code == 302
    made.refresh_from_db()
    assert (made.state, made.rpm) == ("enabled", 60)
    after = endpoint_of(made)
    assert (after.pk, after.api_key.reveal(), after.health) == (before.pk, KEY, "up")
    assert Price.objects.filter(model=made).count() == 1
    admin.post(edit(made), filled(upstream, "", api_key="", input="5", do="save"))
    assert Price.objects.filter(model=made).count() == 2
    made.refresh_from_db()
    assert (made.state, made.rpm) == ("disabled", None)


def test_a_kept_key_never_goes_to_another_host(admin: Client, made: Model) -> None:
    with SimulatorThread() as other:
        for do in ("probe", "enable", "save"):
            send_to = {"inference_url": f"{other.url}/v1", "api_key": "", "do": do}
            answer = admin.post(edit(made), filled(other, "") | send_to)
            assert answer.status_code in (200, 302)
        assert all("authorization" not in one.headers for one in other.requests)
        required = filled(other, "") | {"vendor": "yuanjing", "inference_url": f"{other.url}/v1", "api_key": ""}
    Endpoint.objects.filter(model=made).update(vendor="yuanjing", inference_url="http://127.0.0.1:9/v1")
    Endpoint.objects.filter(model=made).update(api_key=KEY)
    assert "已保存的密钥不会发往新的主机" in send(admin, required, edit(made))
    assert endpoint_of(made).api_key.reveal() == KEY


def test_a_moved_endpoint_is_unknown_until_it_is_probed(admin: Client, upstream: SimulatorThread, made: Model) -> None:
    admin.post(edit(made), filled(upstream, "", api_key=""))
    admin.post(edit(made), filled(upstream, "", api_key="", upstream_model="chat;think", do="save"))
    moved = endpoint_of(made)
    assert (moved.health, moved.health_reason, moved.checked_at) == ("unknown", "", None)
    assert HealthChange.objects.filter(endpoint=moved).latest("id").new == "unknown"


def test_endpoints_are_added_changed_and_removed_but_never_the_last(
    admin: Client, upstream: SimulatorThread, made: Model
) -> None:
    first = endpoint_of(made)
    page = admin.get(f"{edit(made)}?endpoint=new").content.decode()
    assert value_of(page, "upstream_model") == ""
    assert "新端点，填写后保存" in page
    added = filled(upstream, "", upstream_model="chat;chunks=2", priority="5", weight="3", do="save")
    assert admin.post(f"{edit(made)}?endpoint=new", added).status_code == 302
    second = made.endpoints.exclude(pk=first.pk).get()
    assert (second.priority, second.weight, second.api_key.reveal()) == (5, 3, KEY)
    changed = added | {"weight": "7", "api_key": ""}
    admin.post(f"{edit(made)}?endpoint={second.pk}", changed)
    second.refresh_from_db()
    assert (second.weight, second.api_key.reveal()) == (7, KEY)
    page = admin.get(edit(made)).content.decode()
    assert f'href="?endpoint={second.pk}"' in page
    assert admin.post(edit(made), {"remove": first.pk})["Location"] == edit(made)
    assert list(made.endpoints.values_list("pk", flat=True)) == [second.pk]
    assert admin.post(edit(made), {"remove": second.pk}).status_code == 302
    assert made.endpoints.count() == 1
    assert "这是最后一个端点" in admin.get(edit(made)).content.decode()
    assert AuditEvent.objects.filter(object=made.name, verb="endpoint.delete").count() == 1


def test_an_endpoint_of_another_model_is_out_of_reach(
    admin: Client, upstream: SimulatorThread, made: Model, name: str
) -> None:
    (other,) = apply(model(f"{name}-other"))
    foreign = endpoint_of(other)
    admin.post(edit(made), {"remove": foreign.pk})
    assert other.endpoints.count() == 1
    stolen = filled(upstream, "", upstream_model="stolen", do="save")
    assert admin.post(f"{edit(made)}?endpoint={foreign.pk}", stolen).status_code == 404
    foreign.refresh_from_db()
    assert (foreign.upstream_model, endpoint_of(made).upstream_model) == ("m", "chat")


def test_an_endpoint_deleted_in_another_tab_is_not_replaced_by_its_neighbour(
    admin: Client, upstream: SimulatorThread, made: Model
) -> None:
    first = endpoint_of(made)
    admin.post(f"{edit(made)}?endpoint=new", filled(upstream, "", upstream_model="chat;chunks=2", do="save"))
    page = admin.get(edit(made)).content.decode()
    assert f'action="{edit(made)}?endpoint={first.pk}"' in page
    admin.post(edit(made), {"remove": first.pk})
    late = filled(upstream, "", upstream_model="late", do="save")
    assert admin.post(f"{edit(made)}?endpoint={first.pk}", late).status_code == 404
    assert endpoint_of(made).upstream_model == "chat;chunks=2"


def test_name_and_kind_of_a_saved_model_stay(admin: Client, upstream: SimulatorThread, made: Model, name: str) -> None:
    admin.post(edit(made), filled(upstream, "renamed", api_key="", kind="embedding", do="save"))
    made.refresh_from_db()
    assert (made.name, made.kind) == (name, "llm")


def test_a_served_model_whose_endpoint_fails_stays_served_and_says_so(
    admin: Client, upstream: SimulatorThread, made: Model
) -> None:
    admin.post(edit(made), filled(upstream, "", api_key=""))
    answer = admin.post(edit(made), filled(upstream, "", api_key="", upstream_model="chat;status=500"))
    made.refresh_from_db()
    assert made.state == "enabled"
    page = admin.get(answer["Location"]).content.decode()
    assert "仍在服务，但端点没有通过探测" in page
    assert "有端点没有通过探测" in page


def test_a_probe_while_editing_uses_the_kept_key(admin: Client, upstream: SimulatorThread, made: Model) -> None:
    upstream.clear()
    page = send(admin, filled(upstream, "", api_key="", do="probe"), edit(made))
    assert "6/6" in page
    assert {one.headers["authorization"] for one in upstream.requests} == {f"Bearer {KEY}"}


def test_queries_do_not_grow_with_the_endpoints(admin: Client, made: Model) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(edit(made)).status_code == 200
        return len(captured)

    queries()
    few = queries()
    Endpoint.objects.bulk_create(
        Endpoint(model=made, vendor="ollama", inference_url=f"http://127.0.0.1:{n}/v1", upstream_model="m" * 200)
        for n in range(1, 31)
    )
    assert queries() == few
