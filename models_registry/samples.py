"""Calls as code that can be pasted and run: curl, Python, Node, Go, Java, PHP. Names and texts may hold anything."""

import json
import mimetypes
import shlex
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from models_registry.vendors.base import Json

KEY_VARIABLE = "MODEL_CONSOLE_KEY"
CHAT, EMBEDDINGS, RERANK, OCR = "/chat/completions", "/embeddings", "/rerank", "/ocr"
LANGUAGES = ("curl", "Python", "Node", "Go", "Java", "PHP")
SHORT = LANGUAGES[:2]


class Sample(NamedTuple):
    """What `ui/code.html` shows: the tab's word, Pygments' name of the language, the text."""

    label: str
    language: str
    code: str


class Call(NamedTuple):
    """One request, as JSON. With `file` it is a form with that file in it, or JSON with the file as a data URL."""

    path: str
    body: Json
    file: str = ""

    @property
    def sdk_method(self) -> str:
        """The OpenAI libraries' own, where they have one."""
        return {CHAT: "chat.completions.create", EMBEDDINGS: "embeddings.create"}.get(self.path, "")

    @property
    def is_stream(self) -> bool:
        return bool(self.body.get("stream"))


class Site(NamedTuple):
    """Where the call goes, and with whose key; without one it is read from the environment."""

    base_url: str  # ends in /v1
    secret: str = ""


def this_site(secret: str = "") -> Site:
    """This console, as its users reach it."""
    return Site(f"{settings.PUBLIC_URL}/v1", secret)


def samples_of(call: Call, site: Site, languages: Sequence[str] = LANGUAGES) -> list[Sample]:
    known = {label: WRITERS[label] for label in languages}
    return [Sample(label, language, write(call, site)) for label, (language, write) in known.items()]


def example_call(kind: str, model: str, *, stream: bool = False) -> Call:
    """A first call of a model of this kind, in the reader's language."""
    match kind:
        case "llm":
            body: Json = {"model": model, "messages": [{"role": "user", "content": _("你好，介绍一下你自己")}]}
            return Call(CHAT, body | {"stream": True} if stream else body)
        case "embedding":
            return Call(EMBEDDINGS, {"model": model, "input": [_("今天天气很好")]})
        case "rerank":
            documents = [_("退款会在 3 个工作日内到账"), _("门店周一至周五营业"), _("会员积分每年清零")]
            return Call(RERANK, {"model": model, "query": _("退款多久到账"), "documents": documents, "top_n": 2})
        case _:
            return Call(OCR, {"model": model}, file="page.png")


# --- JSON and literals -------------------------------------------------------------------------------
def quoted(value: Any) -> str:
    """JSON on one line; a text so written is a literal of Python, JavaScript and Java as well."""
    return json.dumps(value, ensure_ascii=False)


def json_text(body: Json) -> str:
    """A line for each field, and for each item of a list of objects."""
    fields = (f"  {quoted(name)}: {items_apart(value, quoted, '    ', '  ')}" for name, value in body.items())
    return "{\n" + ",\n".join(fields) + "\n}"


def items_apart(value: Any, write: Callable[[Any], str], inner: str, outer: str, last: str = "") -> str:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        items = f",\n{inner}".join(write(item) for item in value)
        return f"[\n{inner}{items}{last}\n{outer}]"
    return write(value)


def python_literal(value: Any) -> str:
    """JSON's words for true, false and null are not Python's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(name)}: {python_literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(python_literal(each) for each in value) + "]"
    return repr(value) if isinstance(value, bool | None) else quoted(value)


# --- curl --------------------------------------------------------------------------------------------
def curl(call: Call, site: Site) -> str:
    lines = [f"curl {shlex.quote(site.base_url + call.path)}", f'-H "Authorization: Bearer {curl_key(site)}"']
    if call.file:
        lines += [f"--form-string {shlex.quote(f'{name}={value}')}" for name, value in call.body.items()]
        lines += [f"-F {shlex.quote(f'file=@{curl_file(call.file)}')}"]
    else:
        lines += ['-H "Content-Type: application/json"', f"-d {shlex.quote(json_text(call.body))}"]
    return " \\\n  ".join(lines)


def curl_file(name: str) -> str:
    """In double quotes, where curl itself would read more than a name in it."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if set(name) & set(';,"\\') else name


def curl_key(site: Site) -> str:
    return site.secret or f"${KEY_VARIABLE}"


# --- Python ------------------------------------------------------------------------------------------
OPENAI_ARGUMENTS = {
    *("model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "stop", "seed"),
    *("presence_penalty", "frequency_penalty", "input", "dimensions", "encoding_format"),
}
PYTHON_CHUNKS = """for chunk in answer:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)"""
PYTHON_FORM = """with open({file}, "rb") as file:
    answer = httpx.post(
        {url},
        headers={{"Authorization": "Bearer " + {key}}},
        data={body},
        files={{"file": file}},
        timeout=120,
    )
print(answer.json())"""
PYTHON_POST = """answer = httpx.post(
    {url},
    headers={{"Authorization": "Bearer " + {key}}},
    json={body},
    timeout=60,
)
print(answer.json())"""


def python(call: Call, site: Site) -> str:
    library = (
        "from openai import OpenAI  # pip install openai" if call.sdk_method else "import httpx  # pip install httpx"
    )
    imports = library if site.secret else f"import os\n\n{library}"
    return f"{imports}\n\n{python_sdk(call, site) if call.sdk_method else python_http(call, site)}"


def python_key(site: Site) -> str:
    return quoted(site.secret) if site.secret else f'os.environ["{KEY_VARIABLE}"]'


def python_sdk(call: Call, site: Site) -> str:
    arguments = "".join(
        f"    {name}={items_apart(value, python_literal, ' ' * 8, ' ' * 4, ',')},\n"
        for name, value in sdk_arguments(call.body).items()
    )
    if call.path == EMBEDDINGS:
        shown = "print(len(answer.data[0].embedding))"
    else:
        shown = PYTHON_CHUNKS if call.is_stream else "print(answer.choices[0].message.content)"
    return (
        f"client = OpenAI(\n    base_url={quoted(site.base_url)},\n    api_key={python_key(site)},\n)\n"
        f"answer = client.{call.sdk_method}(\n{arguments})\n{shown}"
    )


def sdk_arguments(body: Json) -> Json:
    """What the library does not know by name goes into `extra_body`."""
    extra = {name: value for name, value in body.items() if name not in OPENAI_ARGUMENTS}
    known = {name: value for name, value in body.items() if name in OPENAI_ARGUMENTS}
    return known | {"extra_body": extra} if extra else known


def python_http(call: Call, site: Site) -> str:
    form = PYTHON_FORM if call.file else PYTHON_POST
    url, body = quoted(site.base_url + call.path), python_literal(call.body)
    return form.format(url=url, key=python_key(site), body=body, file=quoted(call.file))


# --- Node --------------------------------------------------------------------------------------------
NODE_CHUNKS = """for await (const chunk of answer) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}"""


def node(call: Call, site: Site) -> str:
    return node_sdk(call, site) if call.sdk_method else node_fetch(call, site)


def node_key(site: Site) -> str:
    return quoted(site.secret) if site.secret else f"process.env.{KEY_VARIABLE}"


def node_sdk(call: Call, site: Site) -> str:
    if call.path == EMBEDDINGS:
        shown = "console.log(answer.data[0].embedding.length);"
    else:
        shown = NODE_CHUNKS if call.is_stream else "console.log(answer.choices[0].message.content);"
    return f"""import OpenAI from "openai";  // npm install openai; save as call.mjs

const client = new OpenAI({{
  baseURL: {quoted(site.base_url)},
  apiKey: {node_key(site)},
}});
const answer = await client.{call.sdk_method}({json_text(call.body)});
{shown}"""


def node_fetch(call: Call, site: Site) -> str:
    if call.file:
        fields = "".join(f"body.set({quoted(name)}, {quoted(value)});\n" for name, value in call.body.items())
        before = (
            f'import {{ openAsBlob }} from "node:fs";\n\nconst body = new FormData();\n{fields}'
            f'body.set("file", await openAsBlob({quoted(call.file)}), {quoted(call.file)});\n'
        )
        content_type = ""
    else:
        before = f"const body = JSON.stringify({json_text(call.body)});\n"
        content_type = ', "Content-Type": "application/json"'
    return f"""{before}const answer = await fetch({quoted(site.base_url + call.path)}, {{
  method: "POST",
  headers: {{ Authorization: "Bearer " + {node_key(site)}{content_type} }},
  body,
}});
console.log(await answer.json());"""


# --- Go and Java -------------------------------------------------------------------------------------
def json_before_file(call: Call) -> str:
    """The body up to where the file's base64 stands; `"}` ends it. Neither language has forms of its own."""
    media_type = mimetypes.guess_type(call.file)[0] or "image/png"
    return quoted({**call.body, "image": f"data:{media_type};base64,"}).removesuffix('"}')


def go(call: Call, site: Site) -> str:
    key = quoted(site.secret) if site.secret else f'os.Getenv("{KEY_VARIABLE}")'
    if call.file:
        encoding = '\t"encoding/base64"\n'
        body = f"""	picture, err := os.ReadFile({go_string(call.file)})
	if err != nil {{
		panic(err)
	}}
	body := {go_string(json_before_file(call))} + base64.StdEncoding.EncodeToString(picture) + `"}}`"""
    else:
        encoding, body = "", f"	body := {go_string(json_text(call.body))}"
    return f"""package main

import (
{encoding}	"io"
	"net/http"
	"os"
	"strings"
)

func main() {{
{body}
	request, err := http.NewRequest("POST", {quoted(site.base_url + call.path)}, strings.NewReader(body))
	if err != nil {{
		panic(err)
	}}
	request.Header.Set("Authorization", "Bearer "+{key})
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {{
		panic(err)
	}}
	defer response.Body.Close()
	io.Copy(os.Stdout, response.Body)
}}"""


def go_string(text: str) -> str:
    """A raw string, which cannot hold a backquote."""
    return "`" + text.replace("`", '` + "`" + `') + "`"


def java(call: Call, site: Site) -> str:
    key = quoted(site.secret) if site.secret else f'System.getenv("{KEY_VARIABLE}")'
    if call.file:
        imports = "import java.nio.file.*;\nimport java.util.Base64;\n"
        body = f"""        byte[] picture = Files.readAllBytes(Path.of({quoted(call.file)}));
        String body = {quoted(json_before_file(call))} + Base64.getEncoder().encodeToString(picture) + "\\"}}";"""
    else:
        imports, body = "", f"        String body = {quoted(quoted(call.body))};"
    return f"""import java.net.URI;
import java.net.http.*;
{imports}
public class Call {{
    public static void main(String[] arguments) throws Exception {{
{body}
        HttpRequest request = HttpRequest.newBuilder(URI.create({quoted(site.base_url + call.path)}))
            .header("Authorization", "Bearer " + {key})
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        HttpClient.newHttpClient()
            .send(request, HttpResponse.BodyHandlers.ofLines())
            .body()
            .forEach(System.out::println);
    }}
}}"""


# --- PHP ---------------------------------------------------------------------------------------------
def php(call: Call, site: Site) -> str:
    return php_form(call, site) if call.file else php_post(call, site)


def php_post(call: Call, site: Site) -> str:
    """The body stands in a nowdoc, which reads nothing into it; no line of JSON begins with the word that ends it."""
    return f"""<?php
$body = <<<'JSON'
{json_text(call.body)}
JSON;
$options = [
    "method" => "POST",
    "header" => ["Authorization: Bearer " . {php_key(site)}, "Content-Type: application/json"],
    "content" => $body,
    "timeout" => 120,
    "ignore_errors" => true,
];
$answer = fopen({php_string(site.base_url + call.path)}, "r", false, stream_context_create(["http" => $options]));
fpassthru($answer);"""


def php_form(call: Call, site: Site) -> str:
    fields = "".join(f"    {php_string(name)} => {php_string(str(value))},\n" for name, value in call.body.items())
    return f"""<?php
$call = curl_init({php_string(site.base_url + call.path)});
curl_setopt($call, CURLOPT_HTTPHEADER, ["Authorization: Bearer " . {php_key(site)}]);
curl_setopt($call, CURLOPT_POSTFIELDS, [
{fields}    "file" => new CURLFile({php_string(call.file)}),
]);
curl_exec($call);"""


def php_key(site: Site) -> str:
    return php_string(site.secret) if site.secret else f'getenv("{KEY_VARIABLE}")'


def php_string(text: str) -> str:
    """In single quotes nothing is read but these two."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


WRITERS: dict[str, tuple[str, Callable[[Call, Site], str]]] = {
    "curl": ("bash", curl),
    "Python": ("python", python),
    "Node": ("javascript", node),
    "Go": ("go", go),
    "Java": ("java", java),
    "PHP": ("php", php),
}
