"""Calls that can be pasted and run, by kind, in the reader's language."""

import json
import shlex
from typing import NamedTuple

from django.utils.translation import gettext as _

KEY_VARIABLE = "$MODEL_CONSOLE_KEY"


class Sample(NamedTuple):
    """What `ui/code.html` shows: the tab's word, Pygments' name of the language, the text."""

    label: str
    language: str
    code: str


def samples_for(kind: str, model: str, base_url: str, secret: str = "") -> list[Sample]:
    """curl and Python for a model. Without a secret both read it from the environment."""
    build = {"llm": chat, "embedding": embedding, "rerank": rerank, "ocr": ocr}[kind]
    curl, python = build(model, base_url, secret)
    return [Sample("curl", "bash", curl), Sample("Python", "python", python)]


def curl_json(url: str, secret: str, body: dict[str, object]) -> str:
    lines = ",\n".join(f"    {quoted(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in body.items())
    text = shlex.quote(f"{{\n{lines}\n  }}")
    return (
        f'curl {shlex.quote(url)} \\\n  -H "Authorization: Bearer {secret or KEY_VARIABLE}" \\\n'
        f'  -H "Content-Type: application/json" \\\n  -d {text}'
    )


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def key_expression(secret: str) -> str:
    return quoted(secret) if secret else f'os.environ["{KEY_VARIABLE[1:]}"]'


def openai_client(base_url: str, secret: str) -> str:
    lines = ["from openai import OpenAI", ""] if secret else ["import os", "", "from openai import OpenAI", ""]
    return "\n".join([*lines, f"client = OpenAI(base_url={quoted(base_url)}, api_key={key_expression(secret)})"])


def chat(model: str, base_url: str, secret: str) -> tuple[str, str]:
    question = _("你好，介绍一下你自己")
    body = {"model": model, "messages": [{"role": "user", "content": question}], "stream": True}
    python = f"""{openai_client(base_url, secret)}
stream = client.chat.completions.create(
    model={quoted(model)},
    messages=[{{"role": "user", "content": {quoted(question)}}}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"""
    return curl_json(f"{base_url}/chat/completions", secret, body), python


def embedding(model: str, base_url: str, secret: str) -> tuple[str, str]:
    text = _("今天天气很好")
    python = f"""{openai_client(base_url, secret)}
answer = client.embeddings.create(model={quoted(model)}, input=[{quoted(text)}])
print(len(answer.data[0].embedding))"""
    body: dict[str, object] = {"model": model, "input": [text]}
    return curl_json(f"{base_url}/embeddings", secret, body), python


def rerank(model: str, base_url: str, secret: str) -> tuple[str, str]:
    documents = [_("退款会在 3 个工作日内到账"), _("门店周一至周五营业"), _("会员积分每年清零")]
    body: dict[str, object] = {"model": model, "query": _("退款多久到账"), "documents": documents, "top_n": 2}
    python = f"""import os

import httpx

answer = httpx.post(
    {quoted(f"{base_url}/rerank")},
    headers={{"Authorization": "Bearer " + {key_expression(secret)}}},
    json={json.dumps(body, ensure_ascii=False)},
    timeout=60,
)
for result in answer.json()["results"]:
    print(result["index"], result["relevance_score"])"""
    return curl_json(f"{base_url}/rerank", secret, body), python


def ocr(model: str, base_url: str, secret: str) -> tuple[str, str]:
    curl = (
        f'curl {shlex.quote(f"{base_url}/ocr")} \\\n  -H "Authorization: Bearer {secret or KEY_VARIABLE}" \\\n'
        f"  -F {shlex.quote(f'model={model}')} \\\n  -F file=@page.png"
    )
    python = f"""import os

import httpx

with open("page.png", "rb") as picture:
    answer = httpx.post(
        {quoted(f"{base_url}/ocr")},
        headers={{"Authorization": "Bearer " + {key_expression(secret)}}},
        data={{"model": {quoted(model)}}},
        files={{"file": picture}},
        timeout=120,
    )
print(answer.json()["text"])"""
    return curl, python
