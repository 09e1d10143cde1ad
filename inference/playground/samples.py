"""One chat call as code, in five languages. Pure; the key is always a placeholder from the environment."""

import json
from typing import Any, NamedTuple

from models_registry.vendors.base import Json

CHAT = "/chat/completions"


class Sample(NamedTuple):
    """What `ui/code.html` shows: the tab, Pygments' name of the language, the code."""

    label: str
    language: str
    code: str


def chat_samples(base_url: str, body: Json) -> list[Sample]:
    """`base_url` ends in /v1; `body` is the request's JSON."""
    return [
        Sample("curl", "bash", curl_sample(base_url, body)),
        Sample("Python", "python", python_sample(base_url, body)),
        Sample("Node", "javascript", node_sample(base_url, body)),
        Sample("Go", "go", go_sample(base_url, body)),
        Sample("Java", "java", java_sample(base_url, body)),
    ]


def pretty(value: Any, indent: int = 2) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def curl_sample(base_url: str, body: Json) -> str:
    data = pretty(body).replace("'", "'\\''")
    return f"""curl {base_url}{CHAT} \\
  -H "Authorization: Bearer $MODEL_CONSOLE_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{data}'"""


OPENAI_ARGUMENTS = frozenset(
    {"model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens", "stop"}
)


def python_sample(base_url: str, body: Json) -> str:
    """What the library does not know by name goes into `extra_body`."""
    known = {name: value for name, value in body.items() if name in OPENAI_ARGUMENTS}
    extra = {name: value for name, value in body.items() if name not in OPENAI_ARGUMENTS}
    if extra:
        known["extra_body"] = extra
    arguments = "\n".join(f"    {name}={python_literal(value)}," for name, value in known.items())
    shown = (
        "for chunk in answer:\n    if chunk.choices:\n"
        '        print(chunk.choices[0].delta.content or "", end="", flush=True)'
        if body.get("stream")
        else "print(answer.choices[0].message.content)"
    )
    return f"""import os

from openai import OpenAI

client = OpenAI(base_url={json.dumps(base_url)}, api_key=os.environ["MODEL_CONSOLE_KEY"])
answer = client.chat.completions.create(
{arguments}
)
{shown}"""


def python_literal(value: Any) -> str:
    """JSON's words for true, false and null are not Python's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {python_literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        if all(isinstance(item, dict) for item in value) and value:
            return "[\n" + "".join(f"        {python_literal(item)},\n" for item in value) + "    ]"
        return "[" + ", ".join(python_literal(item) for item in value) + "]"
    return repr(value) if isinstance(value, bool | None) else json.dumps(value, ensure_ascii=False)


def node_sample(base_url: str, body: Json) -> str:
    shown = (
        'for await (const chunk of answer) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");'
        if body.get("stream")
        else "console.log(answer.choices[0].message.content);"
    )
    return f"""import OpenAI from "openai";

const client = new OpenAI({{
  baseURL: {json.dumps(base_url)},
  apiKey: process.env.MODEL_CONSOLE_KEY,
}});
const answer = await client.chat.completions.create({pretty(body)});
{shown}"""


def go_sample(base_url: str, body: Json) -> str:
    return f"""package main

import (
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {{
	body := {go_string(pretty(body))}
	request, err := http.NewRequest("POST", {json.dumps(base_url + CHAT)}, strings.NewReader(body))
	if err != nil {{
		panic(err)
	}}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("MODEL_CONSOLE_KEY"))
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


def java_sample(base_url: str, body: Json) -> str:
    lines = json.dumps(json.dumps(body, ensure_ascii=False), ensure_ascii=False)
    return f"""import java.net.URI;
import java.net.http.*;

public class Chat {{
    public static void main(String[] arguments) throws Exception {{
        String body = {lines};
        HttpRequest request = HttpRequest.newBuilder(URI.create({json.dumps(base_url + CHAT)}))
            .header("Authorization", "Bearer " + System.getenv("MODEL_CONSOLE_KEY"))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
        HttpClient.newHttpClient()
            .send(request, HttpResponse.BodyHandlers.ofLines())
            .body()
            .forEach(System.out::println);
    }}
}}"""
