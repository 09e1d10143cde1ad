"""粘贴 curl 命令 on the import page: what is filled, what stays, and that nothing is kept or sent."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from registry_people import signed_in

from models_registry.models import Model

PAGE = "/models/import/"
KEY = "sk-canary-curl-5c0ffee"
CHAT = f"""curl https://api.example.com/v1/chat/completions \\
  -H "Authorization: Bearer {KEY}" -d '{{"model": "deepseek-chat", "messages": [],}}'"""


@pytest.fixture
def admin(database: None) -> Client:
    return signed_in(is_admin=True)


def pasted(client: Client, command: str, *, is_htmx: bool = True, **typed: Any) -> str:
    """The form as it is drawn after the paste: a fragment for HTMX, else the page."""
    headers = {"HX-Request": "true"} if is_htmx else {}
    answer = client.post(PAGE, {"do": "paste", "curl": command, **typed}, headers=headers)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def value_of(page: str, field: str) -> str:
    found = re.search(rf'<input[^>]* name="{field}"[^>]*>', page)
    value = found and re.search(r' value="([^"]*)"', found[0])
    return value[1] if value else ""


def checked(page: str, field: str) -> str:
    found = re.search(rf'<input[^>]* name="{field}"[^>]* value="(\w+)" checked', page)
    return found[1] if found else ""


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


@pytest.mark.parametrize("is_htmx", [True, False], ids=["htmx", "plain"])
def test_the_form_fills_itself(admin: Client, is_htmx: bool) -> None:
    page = pasted(admin, CHAT, is_htmx=is_htmx)
    assert (checked(page, "vendor"), checked(page, "kind")) == ("openai_compatible", "llm")
    names = ("name", "upstream_model", "inference_url", "api_key")
    assert [value_of(page, name) for name in names] == [
        "deepseek-chat",
        "deepseek-chat",
        "https://api.example.com/v1",
        KEY,
    ]
    assert ("<html" in page) is not is_htmx
    assert page.count(KEY) == 1, "in the password field alone; what is said of it is masked"
    assert not Model.objects.filter(name="deepseek-chat").exists()


def test_what_the_command_is_silent_about_stays(admin: Client) -> None:
    typed = {"name": "mine", "upstream_model": "m", "rpm": "600", "vendor": "openai_compatible", "kind": "llm"}
    page = pasted(admin, "curl https://h.com/v1/embeddings -H 'Authorization: Bearer $KEY' -d @body.json", **typed)
    assert (value_of(page, "name"), value_of(page, "upstream_model"), value_of(page, "rpm")) == ("mine", "m", "600")
    assert checked(page, "kind") == "embedding"
    assert "命令里的密钥是占位符" in page
    assert "命令里没有，保持不变：上游模型名" in words_of(page)
    assert "hx-preserve" in page.partition('id="id_api_key"')[2][:200], "a key that was typed stays in its field"


def test_a_vendor_is_known_by_its_host(admin: Client) -> None:
    page = pasted(admin, "curl https://dashscope.aliyuncs.com/compatible-mode/v1/embeddings", vendor="ollama")
    assert (checked(page, "vendor"), checked(page, "kind")) == ("dashscope", "embedding")


@pytest.mark.parametrize("command", ["", "rm -rf /", "wget https://h.com", "curl", "curl ''", "curl 'x" + "y" * 2000])
def test_what_is_no_command_changes_nothing(admin: Client, command: str) -> None:
    typed = {"name": "mine", "vendor": "openai_compatible", "kind": "rerank", "inference_url": "https://h.com/v1"}
    page = pasted(admin, command, **typed)
    assert (value_of(page, "name"), value_of(page, "inference_url")) == ("mine", "https://h.com/v1")
    assert (checked(page, "vendor"), checked(page, "kind")) == ("openai_compatible", "rerank")
    assert not re.search(r"<dl[^>]*facts-list", page)


def test_a_command_is_text_and_never_markup(admin: Client) -> None:
    answer = admin.post(PAGE, {"do": "paste", "curl": "curl 'https://h.com/v1' -d '{\"model\": \"<b>bold</b>\"}'"})
    assert "<b>bold</b>" not in answer.content.decode()


def test_only_admins_may_paste(database: None) -> None:
    assert signed_in(is_admin=False).post(PAGE, {"do": "paste", "curl": CHAT}).status_code == 403
