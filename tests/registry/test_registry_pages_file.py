"""批量导入 in the browser and /api/v1/registry: preview, confirmation, what is refused, and what leaks nowhere."""

import re
from html import unescape
from typing import Any

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from registry_people import KeyClient, signed_in, usual
from registry_writing import ENDPOINT, apply, model, text

from models_registry.models import Model
from models_registry.secret import seal

PAGE = "/models/file/"
KEY = "sk-canary-file-5c0ffee"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def admin(database: None) -> Client:
    return signed_in(is_admin=True)


@pytest.fixture
def script(database: None) -> KeyClient:
    return KeyClient(usual(is_admin=True))


def keyed(name: str, **fields: Any) -> str:
    return text(model(name, endpoints=[{**ENDPOINT, "api_key": KEY}], **fields))


def previewed(client: Client, file: str | SimpleUploadedFile, *, is_htmx: bool = True) -> str:
    data = {"text": file} if isinstance(file, str) else {"file": file}
    answer = client.post(PAGE, data, headers=HTMX if is_htmx else {})
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def sealed_in(page: str) -> str:
    found = re.search(r'name="sealed" value="([^"]+)"', page)
    return found[1] if found else ""


# --- preview and confirmation -----------------------------------------------------------------------
@pytest.mark.parametrize("is_htmx", [True, False], ids=["htmx", "plain"])
def test_a_file_is_previewed_and_then_applied(admin: Client, name: str, is_htmx: bool) -> None:
    page = previewed(admin, keyed(name), is_htmx=is_htmx)
    assert "新增 1" in page
    assert KEY not in page
    assert not Model.objects.filter(name=name).exists()
    answer = admin.post(PAGE, {"sealed": sealed_in(page)}, headers=HTMX if is_htmx else {})
    assert answer["HX-Redirect" if is_htmx else "Location"] == "/models/"
    made = Model.objects.get(name=name)
    assert (made.state, made.endpoints.get().api_key.reveal()) == ("disabled", KEY)
    assert "已导入：新增 1，更新 0，不变 0" in unescape(admin.get("/models/").content.decode())


def test_an_uploaded_table_of_a_chinese_spreadsheet_is_read(admin: Client, name: str) -> None:
    rows = f"name,kind,vendor,inference_url,model,free\n{name}-通义,llm,ollama,http://127.0.0.1:11434/v1,qwen3,TRUE\n"
    page = previewed(admin, SimpleUploadedFile("models.csv", rows.encode("gb18030")))
    assert f"{name}-通义" in page
    assert sealed_in(page)


def test_mistakes_are_told_by_line_and_nothing_can_be_confirmed(admin: Client, name: str) -> None:
    page = previewed(admin, f"name,kind,vendor,inference_url\n{name},llm,nobody,https://h.com/v1\n")
    assert "有误 1" in page
    assert "'nobody' is no vendor" in page
    assert re.search(r'<td class="num soft" data-m="pick">2</td>', page)
    assert not sealed_in(page)
    assert "unknown column" in previewed(admin, "name,kind,vendor,inference_url,colour\n")
    assert "the file must hold one list" in previewed(admin, "")


def test_what_changes_is_named(admin: Client, name: str) -> None:
    apply(model(name))
    page = previewed(admin, text(model(name, limits={"rpm": 9}, price={"input": "3", "output": "8"})))
    assert re.search(r'class="two">限流 · 价格<', page)


def test_the_servers_secrets_cannot_be_asked_for(admin: Client, name: str) -> None:
    page = previewed(admin, text(model(name, endpoints=[{**ENDPOINT, "api_key": "env:SECRET_KEY"}])))
    assert "env:NAME works in files applied on the server" in page
    assert not sealed_in(page)


def test_only_who_saw_the_preview_confirms_it_and_only_what_was_sealed_here(admin: Client, name: str) -> None:
    page = previewed(admin, keyed(name))
    for wrong in ("", "x" * 50, seal(keyed(name)), seal(f"models-file 999999\n{keyed(name)}"), sealed_in(page)[:-4]):
        answer = admin.post(PAGE, {"sealed": wrong}, headers=HTMX)
        assert "预览已过期，重新上传" in unescape(answer.content.decode())
    assert not Model.objects.filter(name=name).exists()


def test_a_confirmation_made_wrong_meanwhile_writes_nothing(admin: Client, name: str) -> None:
    page = previewed(admin, text(model(name, price=None), model(f"{name}-b")))
    apply(model(name, kind="embedding", price={"input": "1"}))
    answer = unescape(admin.post(PAGE, {"sealed": sealed_in(page)}, headers=HTMX).content.decode())
    assert "it was priced as kind embedding" in answer
    assert not Model.objects.filter(name=f"{name}-b").exists()


def test_a_large_upload_is_refused_unread(admin: Client) -> None:
    page = previewed(admin, SimpleUploadedFile("models.yaml", b"x" * 2_000_001))
    assert "longer than 500,000 characters" in page


def test_names_are_text_and_never_markup(admin: Client) -> None:
    answer = admin.post(PAGE, {"text": "models: [{name: '<b>x</b>', kind: '<i>'}]"}, headers=HTMX)
    assert b"<b>x</b>" not in answer.content


# --- downloads --------------------------------------------------------------------------------------
def test_the_exports_and_the_template(admin: Client, name: str) -> None:
    apply(model(name, endpoints=[{**ENDPOINT, "api_key": KEY}]))
    for path, filename in (("/models/export.csv", "models.csv"), ("/models/file/template.csv", "models-template.csv")):
        answer = admin.get(path)
        assert answer["Content-Disposition"] == f'attachment; filename="{filename}"'
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert KEY not in answer.content.decode()
    assert name in admin.get("/models/export.csv").content.decode()
    page = admin.get(PAGE).content.decode()
    assert all(
        f'href="{path}"' in page for path in ("/models/export.csv", "/models/export.yaml", "/models/file/template.csv")
    )


@pytest.mark.parametrize("path", [PAGE, "/models/export.csv", "/models/file/template.csv"])
def test_only_admins_see_it(database: None, path: str) -> None:
    assert signed_in(is_admin=False).get(path).status_code == 403
    assert Client().get(path)["Location"].startswith("/accounts/login/")


# --- the management API -----------------------------------------------------------------------------
def test_the_api_exports_plans_and_applies(script: KeyClient, name: str) -> None:
    file = keyed(name)
    plan = script("post", "/registry", {"text": file, "dry_run": True}).json()
    assert (plan["applied"], plan["data"][0]["status"]) == (False, "new")
    assert not Model.objects.filter(name=name).exists()
    assert script("post", "/registry", {"text": file}).json()["applied"] is True
    for file_format in ("yaml", "csv"):
        exported = script("get", f"/registry?file_format={file_format}").json()["text"]
        assert name in exported
        assert KEY not in exported
        own = own_part(exported, name, file_format)
        (row,) = script("post", "/registry", {"text": own, "dry_run": True}).json()["data"]
        assert (row["name"], row["status"]) == (name, "unchanged")


def own_part(exported: str, name: str, file_format: str) -> str:
    """Of one model: other tests leave more behind than one file may hold."""
    if file_format == "csv":
        head, *lines = exported.splitlines(keepends=True)
        return head + "".join(line for line in lines if name in line)
    models = yaml.load(exported, yaml.BaseLoader)["models"]  # noqa: S506 - as written
    return yaml.safe_dump({"models": [model for model in models if model["name"] == name]})


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("models: [", "the file is not YAML"),
        ("models: [{name: x}]", "line 1: x: kind: Field required"),
        ("name,kind\n", "the column vendor is missing"),
    ],
)
def test_a_wrong_file_is_422_and_says_where(script: KeyClient, file: str, words: str) -> None:
    answer = script("post", "/registry", {"text": file})
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]
    assert answer.json()["error"]["param"] == "text"


def test_only_admins_may_call(database: None) -> None:
    developer = KeyClient(usual(is_admin=False))
    assert developer("get", "/registry").status_code == 403
    assert developer("post", "/registry", {"text": "models: []"}).status_code == 403
