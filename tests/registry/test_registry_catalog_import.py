"""从价目表导入 and /api/v1/catalogs: who may, what is imported, what is skipped and what is refused."""

import re
from html import unescape
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from registry_people import KeyClient, signed_in, usual
from registry_writing import apply, model

from accounts.models import AuditEvent
from models_registry.catalogs import CATALOGS
from models_registry.importing.catalogs import catalog_import
from models_registry.models import Model
from models_registry.selectors import ModelFilter
from models_registry.services import RegistryError

PAGE = "/models/catalogs/"
URL = "https://example.com/v1"
KEY = "canary-catalog-key-5c0ffee"


@pytest.fixture
def prefix(name: str) -> str:
    """Before every imported name: nobody else uses it."""
    return f"{name}/"


@pytest.fixture
def admin(database: None) -> Client:
    return signed_in(is_admin=True)


@pytest.fixture
def script(database: None) -> KeyClient:
    return KeyClient(usual(is_admin=True))


def order(*names: str, prefix: str, **fields: Any) -> dict[str, Any]:
    return {"names": list(names), "inference_url": URL, "api_key": KEY, "name_prefix": prefix, **fields}


def typed(*names: str, prefix: str, **fields: Any) -> dict[str, Any]:
    return {"selected": list(names), "inference_url": URL, "api_key": KEY, "name_prefix": prefix, **fields}


def made(prefix: str) -> list[str]:
    return sorted(Model.objects.filter(name__startswith=prefix).values_list("name", flat=True))


def told(client: Client, answer: Any) -> str:
    """What the page that the answer leads to says."""
    assert answer.status_code == 302
    return unescape(client.get(answer["Location"]).content.decode())


# --- the service -------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", CATALOGS)
def test_a_whole_catalog_is_imported_disabled_with_all_that_is_printed(prefix: str, slug: str) -> None:
    catalog = CATALOGS[slug]
    names = [one.name for one in catalog.models]
    done = catalog_import(
        catalog=catalog, names=names, inference_url=URL, api_key=KEY, actor="tests", name_prefix=prefix
    )
    assert [one.name for one in done.models] == [f"{prefix}{name}" for name in names]
    assert done.skipped == []
    for printed, one in zip(catalog.models, done.models, strict=True):
        assert (one.state, one.kind, one.stream_only) == ("disabled", printed.kind, printed.stream_only)
        assert one.context_length == printed.context_length
        assert (one.rpm, one.tpm, one.concurrency) == tuple(printed.limits.model_dump().values())
        price = one.prices.values("unit", "input_nano", "output_nano").first()
        assert (price is None) == (printed.price is None)
        if price and printed.price:
            assert printed.price.columns().items() <= price.items()
        endpoint = one.endpoints.get()
        assert endpoint.upstream_model == (printed.upstream_model or printed.name)
        assert (endpoint.inference_url, endpoint.auth) == (URL, printed.auth or catalog.auth)
        assert endpoint.api_key.reveal() == KEY


def test_names_that_are_taken_are_skipped_and_stay_as_they_are(prefix: str) -> None:
    (there,) = apply(model(f"{prefix}qwen-turbo", price={"input": "7", "output": "7"}))
    done = catalog_import(
        catalog=CATALOGS["wcode"],
        names=["qwen-turbo", "qwen-plus"],
        inference_url=URL,
        api_key=KEY,
        actor="tests",
        name_prefix=prefix,
    )
    assert [one.name for one in done.models] == [f"{prefix}qwen-plus"]
    assert done.skipped == [there.name]
    assert there.prices.get().input_nano == 7 * 10**9
    assert there.endpoints.get().upstream_model == "m"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("names", {"names": ["qwen-turbo", "no-such-model"]}),
        ("names", {"names": []}),
        ("inference_url", {"inference_url": "ftp://example.com"}),
        ("api_key", {"api_key": "env:SECRET_KEY"}),
        ("api_key", {"api_key": "密钥"}),
        ("name_prefix", {"name_prefix": "with space/"}),
    ],
)
def test_one_mistake_and_nothing_is_imported(prefix: str, field: str, wrong: dict[str, Any]) -> None:
    given = {"names": ["qwen-turbo"], "inference_url": URL, "api_key": KEY, "name_prefix": prefix, **wrong}
    before = Model.objects.count()
    with pytest.raises(RegistryError) as caught:
        catalog_import(catalog=CATALOGS["wcode"], actor="tests", **given)
    assert caught.value.field == field
    assert Model.objects.count() == before


# --- the management API ------------------------------------------------------------------------------
CALLS: list[tuple[str, str, Any]] = [
    ("get", "/catalogs", None),
    ("get", "/catalogs/wcode", None),
    ("post", "/catalogs/wcode/import", order("qwen-turbo", prefix="not-made/")),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_the_api_is_for_admins(database: None, method: str, path: str, body: Any) -> None:
    assert KeyClient(usual(is_admin=False))(method, path, body).status_code == 403
    stranger = getattr(Client(), method)(f"/api/v1{path}", data=body or "", content_type="application/json")
    assert stranger.status_code == 401
    assert made("not-made/") == []


def test_catalogs_are_listed_and_read(script: KeyClient) -> None:
    listed = script("get", "/catalogs").json()["data"]
    assert {one["slug"]: one["model_count"] for one in listed} == {
        slug: len(catalog.models) for slug, catalog in CATALOGS.items()
    }
    read = script("get", "/catalogs/paratera").json()
    assert len(read["models"]) == 24
    assert read["models"][9] == {
        "name": "Qwen3-32B",
        "upstream_model": "Qwen3-32B",
        "series": "Qwen 系列",
        "kind": "llm",
        "price": {**dict.fromkeys(("per_1k_tokens", "per_call", "per_page", "free")), "input": "2", "output": "20"},
        "limits": {"rpm": 600, "tpm": 1_000_000, "concurrency": None},
        "context_length": 131_072,
        "stream_only": True,
        "auth": "bearer",
        "title": "",
        "says": "",
        "updated": "",
        "note": None,
    }
    assert script("get", "/catalogs/nobody").status_code == 404


def test_a_script_imports_and_is_told_what_was_skipped(script: KeyClient, prefix: str) -> None:
    answer = script("post", "/catalogs/wcode/import", order("qwen-turbo", prefix=prefix))
    assert answer.status_code == 201
    assert answer.json() == {"imported": [f"{prefix}qwen-turbo"], "skipped": [], "not_enabled": []}
    again = script("post", "/catalogs/wcode/import", order("qwen-turbo", "qwen-plus", prefix=prefix)).json()
    assert (again["imported"], again["skipped"]) == ([f"{prefix}qwen-plus"], [f"{prefix}qwen-turbo"])
    assert KEY not in answer.content.decode()
    assert AuditEvent.objects.filter(verb="model.create", object__startswith=prefix).count() == 2


def test_a_script_that_enables_is_told_what_has_no_price(script: KeyClient, prefix: str) -> None:
    body = order("DeepSeek-R1-32B", prefix=prefix, enable=True)
    answer = script("post", "/catalogs/yunwang/import", body).json()
    assert [one["name"] for one in answer["not_enabled"]] == answer["imported"] == [f"{prefix}DeepSeek-R1-32B"]
    assert "no price" in answer["not_enabled"][0]["reason"]
    script("post", "/catalogs/wcode/import", order("qwen-turbo", prefix=prefix, enable=True))
    assert Model.objects.get(name=f"{prefix}qwen-turbo").state == "checking"


def test_a_script_is_told_which_field_is_wrong(script: KeyClient, prefix: str) -> None:
    body = order("qwen-turbo", prefix=prefix, inference_url="nowhere")
    error = script("post", "/catalogs/wcode/import", body).json()["error"]
    assert (error["code"], error["param"]) == ("invalid_request_error", "inference_url")
    assert script("post", "/catalogs/nobody/import", order("x", prefix=prefix)).status_code == 404


# --- the page ----------------------------------------------------------------------------------------
def test_the_page_is_for_admins(user: Any, admin: Client) -> None:
    developer = Client()
    developer.force_login(user)
    for method in ("get", "post"):
        assert getattr(developer, method)(PAGE).status_code == 403
        assert getattr(Client(), method)(PAGE)["Location"].startswith("/accounts/login/")
    assert admin.get(PAGE).status_code == 200


@pytest.mark.parametrize("slug", CATALOGS)
def test_the_page_shows_every_model_of_a_catalog(admin: Client, slug: str) -> None:
    page = unescape(admin.get(PAGE, {"catalog": slug}).content.decode())
    boxes = re.findall(r'name="selected" value="([^"]*)"', page)
    assert boxes == [one.name for one in CATALOGS[slug].models]
    assert f'/api/v1/catalogs/{slug}/import"' in page
    ticked = unescape(admin.get(PAGE, {"catalog": slug, "tick": "all"}).content.decode())
    assert len(re.findall(r'name="selected" value="[^"]*" checked', ticked)) == len(boxes)


def test_the_address_is_filled_in_where_the_document_prints_one(admin: Client) -> None:
    assert 'value="https://wcode.net/api/gpt/v1"' in admin.get(PAGE, {"catalog": "wcode"}).content.decode()
    page = admin.get(PAGE, {"catalog": "paratera"}).content.decode()
    assert 'placeholder="https://$BASE_URL/v1"' in page
    assert 'value="https://$BASE_URL/v1"' not in page


def test_the_search_works_as_a_plain_form(admin: Client) -> None:
    page = admin.get(PAGE, {"catalog": "wcode", "q": "MATH-72B"}).content.decode()
    found = re.findall(r'name="selected" value="([^"]*)"', page)
    assert found == ["qwen2.5-math-72b-instruct", "qwen2-math-72b-instruct"]
    assert "没有匹配的模型" in admin.get(PAGE, {"catalog": "wcode", "q": "zzz"}).content.decode()


def test_ticked_models_are_imported_and_the_list_says_how_many(admin: Client, prefix: str) -> None:
    answer = admin.post(f"{PAGE}?catalog=wcode", typed("qwen-turbo", "qwen-plus", prefix=prefix))
    assert "已导入 2 个模型，未启用" in told(admin, answer)
    assert made(prefix) == [f"{prefix}qwen-plus", f"{prefix}qwen-turbo"]
    again = told(admin, admin.post(f"{PAGE}?catalog=wcode", typed("qwen-turbo", prefix=prefix)))
    assert f"跳过 1 个已存在的模型：{prefix}qwen-turbo" in again
    assert "已导入" not in again


def test_the_ticked_can_be_enabled_at_once(admin: Client, prefix: str) -> None:
    answer = admin.post(f"{PAGE}?catalog=wcode", typed("qwen-turbo", prefix=prefix, enable="1"))
    page = told(admin, answer)
    assert "已导入 1 个模型" in page
    assert "正在探测 1 个模型，通过后启用" in page
    assert Model.objects.get(name=f"{prefix}qwen-turbo").state == "checking"
    unpriced = told(admin, admin.post(f"{PAGE}?catalog=yunwang", typed("TianQing-72B", prefix=prefix, enable="1")))
    assert f"未启用：{prefix}TianQing-72B（未定价，不能启用）" in unpriced


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"selected": []}, "没有选中模型"),
        ({"inference_url": ""}, "填写推理 URL"),
        ({"inference_url": "nowhere"}, "不是可用的 http(s) 地址，参考 https://wcode.net/api/gpt/v1"),
        ({"api_key": "密钥"}, "密钥只能含可见的英文字符"),
        ({"api_key": "env:SECRET_KEY"}, "env: 只用于命令行的模型文件"),
        ({"name_prefix": "a b/"}, "名称里不能有空格、? 和 #"),
    ],
)
def test_a_mistake_is_said_at_its_field_and_what_was_typed_stays(
    admin: Client, prefix: str, wrong: dict[str, Any], words: str
) -> None:
    data = typed("qwen-turbo", prefix=prefix) | wrong
    answer = admin.post(f"{PAGE}?catalog=wcode", data)
    assert answer.status_code == 200
    page = unescape(answer.content.decode())
    assert words in page
    assert ('value="qwen-turbo" checked' in page) == bool(data["selected"])
    assert KEY not in page
    assert made(prefix) == []


def test_a_key_pasted_with_its_bearer_is_the_key_alone(admin: Client, prefix: str) -> None:
    admin.post(f"{PAGE}?catalog=wcode", typed("qwen-turbo", prefix=prefix, api_key=f"Bearer {KEY}"))
    assert Model.objects.get(name=f"{prefix}qwen-turbo").endpoints.get().api_key.reveal() == KEY


def test_names_that_exist_are_marked(admin: Client) -> None:
    apply(model("qwen1.5-7b-chat"))
    page = admin.get(PAGE, {"catalog": "wcode", "q": "qwen1.5-7b-chat"}).content.decode()
    assert "已存在" in page
    Model.objects.filter(name="qwen1.5-7b-chat").delete()
    assert "已存在" not in admin.get(PAGE, {"catalog": "wcode", "q": "qwen1.5-7b-chat"}).content.decode()


def test_the_import_page_and_the_empty_list_lead_here(admin: Client) -> None:
    assert f'href="{PAGE}"' in admin.get("/models/import/").content.decode()
    empty = render_to_string("inference/models_list.html", {"rows": [], "wanted": ModelFilter(kind="ocr")})
    assert f'href="{PAGE}"' in empty
