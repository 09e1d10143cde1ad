"""The first call in three languages, with the user's own address and model."""

import json

from django.utils.translation import gettext as _

CURL = """curl {url}/chat/completions \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{body}'"""
PYTHON = """from openai import OpenAI

client = OpenAI(
    base_url={url},
    api_key={key})
r = client.chat.completions.create(
    model={model}, messages=[
    {{"role": "user", "content": {question}}}])
print(r.choices[0].message.content)"""
NODE = """import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: {url},
  apiKey: {key},
}});
const r = await client.chat.completions.create({{
  model: {model},
  messages: [{{ role: "user", content: {question} }}],
}});
console.log(r.choices[0].message.content);"""


def chat_samples(*, base_url: str, model: str, key: str) -> list[tuple[str, str, str]]:
    """(label, Pygments' language, code) of each, for `ui/code.html`. Names are quoted as each language wants them."""
    question = _("你是谁")
    quoted = {"url": quote(base_url), "key": quote(key), "model": quote(model), "question": quote(question)}
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    shell_body = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return [
        ("curl", "bash", CURL.format(url=base_url, key=key, body=shell_body)),
        ("Python", "python", PYTHON.format(**quoted)),
        ("Node", "javascript", NODE.format(**quoted)),
    ]


def quote(text: str) -> str:
    """A string literal that Python and JavaScript read alike."""
    return json.dumps(text, ensure_ascii=False)
