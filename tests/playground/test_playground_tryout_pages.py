"""The tabs beside chat as Django's test client sees them: no gateway runs here."""

import html
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from console import settings as own_settings
from inference.gateway.app import GatewayApp
from inference.models import Tryout
from inference.playground.kinds import TABS, TRIED
from inference.playground.tryout_forms import TryoutForm
from inference.playground.tryouts import tryout_claim, tryout_delete, tryout_finish
from models_registry.documents import registry_parse
from models_registry.models import Model
from models_registry.services import registry_apply

KINDS = list(TRIED)
TEXTS = ["embedding", "rerank"]
PNG = b"\x89PNG\r\n\x1a\n a picture"
FIELDS = {
    "embedding": {"model": "m", "key": "k", "texts": "甲\n乙"},
    "rerank": {"model": "m", "key": "k", "query": "丙", "documents": "甲\n乙"},
    "ocr": {"model": "m", "key": "k"},
}


def served(name: str, kind: str) -> str:
    vendor = "yuanjing" if kind == "ocr" else "openai_compatible"
    document = (
        f'{{"models": [{{"name": "{name}", "kind": "{kind}", "price": {{"free": true}}, "endpoints": [{{"vendor":'
        f' "{vendor}", "inference_url": "http://127.0.0.1:9/v1", "model": "x"}}]}}]}}'
    )
    (model,) = registry_apply(document=registry_parse(document), actor="tests")
    Model.objects.filter(pk=model.pk).update(state=Model.State.ENABLED)
    return name


@pytest.fixture
def signed(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def made(user: User, kind: str = "embedding") -> Tryout:
    body = {"model": "m", "input": ["甲", "乙"]} if kind == "embedding" else {}
    return tryout_claim(user=user, kind=kind, page_key="k", body=body).tryout


# --- who -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", ["rerank/", "embedding/", "rerank/1/", "rerank/1/result/", "rerank/code/"])
def test_a_stranger_is_asked_to_sign_in(client: Client, database: None, path: str) -> None:
    assert client.get(f"/playground/{path}")["location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", ["rerank/", "embedding/", "ocr/", "rerank/code/"])
def test_writing_needs_a_token(user: User, path: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(f"/playground/{path}").status_code == 403


def test_a_tryout_is_its_users_own_and_of_its_kind(signed: Client, user: User) -> None:
    pk = made(user).pk
    assert signed.get(f"/playground/embedding/{pk}/").status_code == 200
    assert signed.get(f"/playground/rerank/{pk}/").status_code == 404
    assert signed.get(f"/playground/llm/{pk}/").status_code == 404
    signed.force_login(User.objects.create(username=f"other-{pk}"))
    for path in (f"{pk}/", f"{pk}/result/"):
        assert signed.get(f"/playground/embedding/{path}").status_code == 404


# --- tabs --------------------------------------------------------------------------------------------------
def tabs(page: str) -> list[str]:
    found = re.search(r'<nav class="tabs play-kinds".*?</nav>', page, re.DOTALL)
    return re.findall(r'href="([^"]+)"', found.group()) if found else []


def test_each_kind_with_a_model_has_a_tab(signed: Client) -> None:
    Model.objects.update(state=Model.State.DISABLED)
    assert tabs(signed.get("/playground/").content.decode()) == []
    served("tab-rerank", "rerank")
    assert tabs(signed.get("/playground/").content.decode()) == ["/playground/", "/playground/rerank/"]
    served("tab-embedding", "embedding")
    served("tab-llm", "llm")
    page = signed.get("/playground/rerank/").content.decode()
    assert tabs(page) == ["/playground/", "/playground/embedding/", "/playground/rerank/"]
    assert '<a href="/playground/rerank/" aria-current="page">Rerank</a>' in page


def test_every_kind_has_a_tab() -> None:
    assert [tab.kind for tab in TABS] == ["llm", *TRIED] == list(Model.Kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_link_that_names_a_model_opens_on_its_tab(signed: Client, kind: str) -> None:
    served(f"BAAI/linked-{kind}:v1", kind)
    page = signed.get("/playground/", {"model": f"BAAI/linked-{kind}:v1"}, follow=True)
    assert page.redirect_chain == [(f"/playground/{kind}/?model=BAAI%2Flinked-{kind}%3Av1", 302)]
    option = re.search(rf'<option value="BAAI/linked-{kind}:v1"[^>]*selected', page.content.decode())
    assert option


# --- the page ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_without_a_model_the_page_says_who_can_help(signed: Client, user: User, kind: str) -> None:
    Model.objects.filter(kind=kind).update(state=Model.State.DISABLED)
    page = signed.get(f"/playground/{kind}/").content.decode()
    assert 'href="/catalogue/"' in page
    assert "data-send" not in page
    User.objects.filter(pk=user.pk).update(is_staff=True)
    assert 'href="/models/import/"' in signed.get(f"/playground/{kind}/").content.decode()


@pytest.mark.parametrize("kind", TEXTS)
def test_the_example_can_be_sent_as_it_stands(signed: Client, kind: str) -> None:
    served(f"example-{kind}", kind)
    page = signed.get(f"/playground/{kind}/?example&model=example-{kind}")
    form = TRIED[kind].form({**page.context["values"], "key": "k"})
    assert form.is_valid(), form.errors
    assert len(form.body.get("input") or form.body["documents"]) >= 3


def test_a_call_without_an_end_is_told_as_interrupted(signed: Client, user: User) -> None:
    tryout = made(user)
    page = signed.get(f"/playground/embedding/{tryout.pk}/").content.decode()
    assert 'aria-busy="true"' in page
    Tryout.objects.filter(pk=tryout.pk).update(created_at="2020-01-01T00:00:00Z")
    page = signed.get(f"/playground/embedding/{tryout.pk}/").content.decode()
    assert "调用被中断" in page
    assert 'aria-busy="true"' not in page


# --- forms -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "wrong", "says"),
    [
        ("embedding", {"texts": " \n \n"}, "写下至少一段文本再发送"),
        ("embedding", {"texts": "\n".join("abcdefghijk")}, "最多 10 段文本，每行一段"),
        ("embedding", {"model": ""}, "选一个模型再发送"),
        ("rerank", {"query": " "}, "写下要查找的内容再发送"),
        ("rerank", {"documents": "\n"}, "写下至少一个文档再发送"),
        ("rerank", {"documents": "\n".join(map(str, range(21)))}, "最多 20 个文档，每行一个"),
        ("rerank", {"top_n": "0"}, "top_n: "),
        ("rerank", {"top_n": "two"}, "top_n: "),
    ],
)
def test_a_form_that_cannot_be_taken_says_why_and_keeps_what_was_typed(
    signed: Client, kind: str, wrong: dict[str, str], says: str
) -> None:
    served(f"typed-{kind}", kind)
    fields = {**FIELDS[kind], "model": f"typed-{kind}", "top_n": "", **wrong}
    before = Tryout.objects.count()
    page = signed.post(f"/playground/{kind}/", fields)
    assert page.status_code == 422
    assert says in page.content.decode()
    kept = {name: value for name, value in page.context["values"].items() if name in fields and name != "model"}
    assert kept == {name: value for name, value in fields.items() if name != "model"}
    part = signed.post(f"/playground/{kind}/", fields, headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Retarget"]) == (422, "#tryout-error")
    assert says in part.content.decode()
    assert Tryout.objects.count() == before


@pytest.mark.parametrize("kind", TEXTS)
def test_a_gateway_that_is_not_there_is_told(signed: Client, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr("inference.playground.tryouts.gateway_app", GatewayApp())
    page = signed.post(f"/playground/{kind}/", FIELDS[kind], follow=True).content.decode()
    assert "网关内部出错" in page
    assert "未计费" in page


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", PNG + b"x" * 4096])
def test_only_pictures_of_the_right_size_are_taken(signed: Client, settings: Settings, content: bytes) -> None:
    settings.MAX_BODY_MB = 8192 / 1024 / 1024
    before = Tryout.objects.count()
    page = signed.post("/playground/ocr/", {**FIELDS["ocr"], "file": SimpleUploadedFile("a.png", content)})
    assert page.status_code == 422
    assert page.context["error"].startswith("选一个 PNG、JPEG 或 PDF 文件，小于 0.0078125 MB")
    assert Tryout.objects.count() == before


def test_no_picture_is_written_to_the_disk_on_its_way() -> None:
    """As the server reads them: other tests change the size that is allowed."""
    assert own_settings.FILE_UPLOAD_HANDLERS == ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
    assert own_settings.FILE_UPLOAD_MAX_MEMORY_SIZE == own_settings.MAX_BODY_MB * 1024 * 1024


# --- code ------------------------------------------------------------------------------------------------------
def code(page: HttpResponse) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.content.decode()))


@pytest.mark.parametrize(("kind", "path"), [("embedding", "/v1/embeddings"), ("rerank", "/v1/rerank")])
def test_the_code_is_the_call_that_the_fields_make(signed: Client, kind: str, path: str) -> None:
    page = signed.post(f"/playground/{kind}/code/", FIELDS[kind])
    assert path in code(page)
    assert "甲" in code(page)
    assert signed.post("/playground/llm/code/", FIELDS[kind]).status_code == 404


@pytest.mark.parametrize("kind", TEXTS)
def test_fields_that_make_no_call_yet_give_an_example_of_the_chosen_model(signed: Client, kind: str) -> None:
    drawer = signed.post(f"/playground/{kind}/code/", {"model": "some-model"}, headers={"HX-Request": "true"})
    assert "<html" not in drawer.content.decode()
    assert '"model": "some-model"' in code(drawer)
    assert "退款多久到账" in code(drawer)


def test_the_code_for_a_picture_sends_a_file(signed: Client) -> None:
    named = {**FIELDS["ocr"], "file": SimpleUploadedFile("收据.png", PNG)}
    for fields, name in ((named, "收据.png"), (FIELDS["ocr"], "page.png")):
        page = signed.post("/playground/ocr/code/", fields)
        assert f"file=@{name}" in code(page)
        assert "/v1/ocr" in code(page)


# --- history ----------------------------------------------------------------------------------------------------
def test_the_history_lists_a_kinds_tryouts_the_newest_first(signed: Client, user: User) -> None:
    for number in range(3):
        body = {"model": "m", "input": [f"第 {number} 段", "<乙>"]}
        tryout_claim(user=user, kind="embedding", page_key=f"history {number}", body=body)
    tryout_claim(user=user, kind="rerank", page_key="k", body={"model": "m", "query": "别处", "documents": ["甲"]})
    page = signed.get("/playground/embedding/history/").content.decode()
    assert re.findall(r"<b>(第 \d 段) · &lt;乙&gt;</b>", page) == ["第 2 段", "第 1 段", "第 0 段"]
    assert "别处" not in page
    drawer = signed.get("/playground/embedding/history/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in drawer
    assert drawer.count("<li>") == 3
    assert "别处" in signed.get("/playground/rerank/history/").content.decode()
    assert "还没有试用过" in signed.get("/playground/ocr/history/").content.decode()
    assert signed.get("/playground/llm/history/").status_code == 404


def test_a_long_history_has_pages_and_asks_no_more_often(
    signed: Client, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(31):
        tryout_claim(user=user, kind="embedding", page_key=f"long {number}", body={"model": "m", "input": ["甲"]})
    with django_assert_max_num_queries(12):
        page = signed.get("/playground/embedding/history/").content.decode()
    assert page.count('class="bare" data-confirm') == 30
    assert signed.get("/playground/embedding/history/?page=2").content.decode().count("data-confirm") == 1


def test_a_tryout_is_deleted_by_its_user_alone(signed: Client, user: User) -> None:
    tryout = made(user)
    signed.force_login(User.objects.create(username=f"thief-{tryout.pk}"))
    assert signed.post(f"/playground/embedding/{tryout.pk}/delete/").status_code == 404
    signed.force_login(user)
    assert signed.get(f"/playground/embedding/{tryout.pk}/delete/").status_code == 405
    assert signed.post(f"/playground/rerank/{tryout.pk}/delete/").status_code == 404
    gone = signed.post(f"/playground/embedding/{tryout.pk}/delete/")
    assert gone["location"] == "/playground/embedding/history/"
    assert not Tryout.objects.filter(pk=tryout.pk).exists()


def test_a_tryout_deleted_amid_its_call_does_not_come_back(user: User) -> None:
    tryout = made(user)
    tryout_delete(tryout=Tryout.objects.get(pk=tryout.pk))
    tryout_finish(tryout=tryout, request_id="req_gone", status=0, reply=b"")
    assert not Tryout.objects.filter(request_id="req_gone").exists()


def test_a_form_that_leaves_out_its_call_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        type("Unfinished", (TryoutForm,), {})({})
