"""What a pasted curl command says is understood; its placeholders and what only looks like it are not."""

import time

import hypothesis
import pytest
from hypothesis import strategies as st

from models_registry.importing.curl import CURL_MAX, Learned, curl_learn
from models_registry.vendors import VENDORS

YUANJING = VENDORS["yuanjing"].kinds
DASHSCOPE = VENDORS["dashscope"].kinds
JSON = "--header 'Content-Type: application/json'"
KEY = "sk-3f9a0c1d2e"


def learned(text: str) -> tuple[str, str, str, str, str, str]:
    found = curl_learn(text)
    return (found.vendor, found.kind, found.inference_url, found.api_key, found.auth, found.upstream_model)


# Every curl command of the five documents, shortened where it repeats itself.
DOCUMENTS = [
    # 并行智算云
    (
        "# 推理请求\ncurl --request POST \\\n  --url https://$BASE_URL/v1/chat/completions \\\n"
        "  --header 'authorization: Bearer 申请到的key' \\\n  --header 'content-type: application/json' \\\n"
        '  --data \'{\n    "model": "模型ID",\n    "messages": [{"role": "user", "content": "Hello World"}]\n  }\'',
        ("openai_compatible", "llm", "", "", "bearer", ""),
        {"url_hole", "key_hole", "model_hole"},
    ),
    (
        "curl --location 'https://$BASE_URL/chat/completions' \\\n  --header 'Authorization: Bearer 申请到的key' \\\n"
        f"  {JSON}"
        ' \\\n  --data \'{"stream": true, "model": "Qwen3-235B-A22B", "messages": [], "enable_thinking": true}\'',
        ("openai_compatible", "llm", "", "", "bearer", "Qwen3-235B-A22B"),
        {"url_hole", "key_hole"},
    ),
    # 常见模型 MaaS
    (
        "curl \\\n  --request POST \\\n  --url <Base URL>/v1/chat/completions \\\n"
        "  --header 'Authorization: Bearer <你的 Api-Key>' \\\n  --header 'content-type: application/json' \\\n"
        '  --data \'{"model": "<模型名称>", "messages": [], "temperature": 0.7, "stream": false}\'',
        ("openai_compatible", "llm", "", "", "bearer", ""),
        {"url_hole", "key_hole", "model_hole"},
    ),
    # wcode
    (
        f"curl --request POST 'https://wcode.net/api/gpt/v1/chat/completions' \\\n{JSON} \\\n"
        "--header 'Authorization: Bearer API_KEY' \\\n"
        '--data \'{\n    "model": "qwen2.5-14b-instruct",\n    "messages": []\n}\'',
        ("openai_compatible", "llm", "https://wcode.net/api/gpt/v1", "", "bearer", "qwen2.5-14b-instruct"),
        {"key_hole"},
    ),
    (
        f"curl --request POST 'https://wcode.net/api/gpt/v1/chat/completions' \\\n{JSON} \\\n"
        "--header 'Authorization: Bearer API_KEY' \\\n"
        '--data \'{"model": "qwen-vl-max-latest", "input": {"messages": [{"content": [{"video": "https://a.cn/b.mp4"}]}]}}\'',
        ("openai_compatible", "llm", "https://wcode.net/api/gpt/v1", "", "bearer", "qwen-vl-max-latest"),
        {"key_hole"},
    ),
    # 模型管理
    (
        f"curl --location 'URL' \\\n{JSON} \\\n--header 'Authorization: Bearer api-key' \\\n"
        '--data \'{"messages": [{"role": "user", "content": "你是谁"}], "model": "gpt-oss-20b", "stream": false}\'',
        ("openai_compatible", "llm", "", "", "bearer", "gpt-oss-20b"),
        {"url_hole", "key_hole"},
    ),
    (
        f"curl --location '{YUANJING['llm'].default_url}/chat/completions' \\\n{JSON} \\\n"
        '--header \'Authorization: Bearer api-key\' \\\n--data \'{"messages": [], "model": "deepseek-r1"}\'',
        ("yuanjing", "llm", YUANJING["llm"].default_url, "", "bearer", "deepseek-r1"),
        {"key_hole"},
    ),
    (
        f"curl --location 'http://ip:11434/v1/chat/completions' \\\n{JSON} \\\n"
        '--data \'{"model": "deepseek-r1:1.5b", "messages": []}\'',
        ("ollama", "llm", "", "", "", "deepseek-r1:1.5b"),
        {"url_hole"},
    ),
    (
        "curl --location 'https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions' \\\n"
        f"--header 'Authorization: Bearer api-key' \\\n{JSON} \\\n"
        '--data \'{"model": "qwen-flash", "messages": [], "stream": false, "enable_thinking":true \n}\'',
        ("dashscope", "llm", DASHSCOPE["llm"].default_url, "", "bearer", "qwen-flash"),
        {"key_hole"},
    ),
    (
        f"curl --location 'https://ark.cn-beijing.volces.com/api/v3/chat/completions' \\\n{JSON} \\\n"
        "--header 'Authorization: Bearer api-key' \\\n"
        '--data \'{"do_sample": false, "messages": [], "model": "doubao-seed-1-6-flash-250715"}\'',
        ("ark", "llm", "https://ark.cn-beijing.volces.com/api/v3", "", "bearer", "doubao-seed-1-6-flash-250715"),
        {"key_hole"},
    ),
    (
        f"curl --location 'URL' \\\n--header 'Authorization: Bearer api-key' \\\n{JSON} \\\n"
        '--data \'{"model": "模型id", "query": "Apple", "documents": ["你好啊，世界"], "top_n": 2}\'',
        ("openai_compatible", "rerank", "", "", "bearer", ""),
        {"url_hole", "key_hole", "model_hole"},
    ),
    (
        f"curl --location 'https://maas-api.ai-yuanjing.com/openapi/bge/v1/rerank' \\\n{JSON} \\\n"
        '--header \'Authorization: Bearer api-key\' \\\n--data \'{"query": "今天天气不错", "texts": ["天气很好"]}\'',
        ("yuanjing", "rerank", YUANJING["rerank"].default_url, "", "bearer", ""),
        {"key_hole"},
    ),
    (
        "curl --location 'https://dashscope.aliyuncs.com/api/v1/services/rerank/text-rerank/text-rerank' \\\n"
        f"--header 'Authorization: Bearer api-key' \\\n{JSON} \\\n"
        '--data \'{"model": "gte-rerank", "input":{"query": "什么是", "documents": ["文本"]}, "parameters": {}}\'',
        ("dashscope", "rerank", DASHSCOPE["rerank"].default_url, "", "bearer", "gte-rerank"),
        {"key_hole"},
    ),
    (
        f"curl --location 'URL' \\\n--header 'Authorization: Bearer api-key' \\\n{JSON} \\\n"
        '--data \'{"model": "BAAI/bge-large-zh-v1.5", "input": ["风急天高猿啸哀"], "encoding_format": "float"}\'',
        ("openai_compatible", "embedding", "", "", "bearer", "BAAI/bge-large-zh-v1.5"),
        {"url_hole", "key_hole"},
    ),
    (
        f"curl --location '{YUANJING['embedding'].default_url}/embeddings' \\\n{JSON} \\\n"
        '--header \'Authorization: Bearer api-key\' \\\n--data \'{"model": "qwen3-embed-0.6b", "input": [" 你好"]}\'',
        ("yuanjing", "embedding", YUANJING["embedding"].default_url, "", "bearer", "qwen3-embed-0.6b"),
        {"key_hole"},
    ),
    (
        f"curl --location 'http://ip:11434/v1/embeddings' \\\n{JSON} \\\n"
        '--data \'{"encoding_format": "float", "input": [" 你好"], "model": "granite-embedding:latest"}\'',
        ("ollama", "embedding", "", "", "", "granite-embedding:latest"),
        {"url_hole"},
    ),
    (
        "curl --location 'https://dashscope.aliyuncs.com/compatible-mode/v1/embeddings' \\\n"
        f"--header 'Authorization: Bearer api-key' \\\n{JSON} \\\n"
        '--data \'{"encoding_format": "float", "input": ["你好"], "model": "text-embedding-v4"\n\n}\'',
        ("dashscope", "embedding", DASHSCOPE["embedding"].default_url, "", "bearer", "text-embedding-v4"),
        {"key_hole"},
    ),
    (
        "curl --location 'https://maas-api.ai-yuanjing.com/openapi/v1/unicom-ocr' \\\n"
        "--header 'Content-Type: multipart/form-data' \\\n--header 'Authorization: Bearer api-key' \\\n"
        "--form 'file=上传文件'",
        ("yuanjing", "ocr", YUANJING["ocr"].default_url, "", "bearer", ""),
        {"key_hole"},
    ),
    # 云网 AI+
    (
        "curl --location --request POST 'Base URLs/v1/chat/completions' \\\n--header 'Authorization: xxxxxxxx' \\\n"
        f'{JSON} \\\n--data-raw \'{{"model": "xxxxxx", "messages": [], "seed": null, "stream": false}}\'',
        ("openai_compatible", "llm", "", "", "raw", ""),
        {"url_hole", "key_hole", "model_hole"},
    ),
    (
        'curl -X POST "http://IP:端口/v1/embeddings" \\\n     -H "Authorization: Bearer sk-*******************" \\\n'
        '     -H "Content-Type: application/json" \\\n     -d \'{"model": "BAAI/bge-large-zh-v1.5", "input": "What"}\'',
        ("openai_compatible", "embedding", "", "", "bearer", "BAAI/bge-large-zh-v1.5"),
        {"url_hole", "key_hole"},
    ),
    (
        'curl -X POST "http://IP:端口/v1/rerank" \\\n     -H "Authorization: Bearer sk-*******************" \\\n'
        '     -d \'{"model": "BAAI/bge-reranker-v2-m3", "query": "Organic", "top_n": 3, "documents": ["a"]}\'',
        ("openai_compatible", "rerank", "", "", "bearer", "BAAI/bge-reranker-v2-m3"),
        {"url_hole", "key_hole"},
    ),
]


@pytest.mark.parametrize(("text", "wanted", "notes"), DOCUMENTS)
def test_the_documents_commands_are_understood(text: str, wanted: tuple[str, ...], notes: set[str]) -> None:
    assert learned(text) == wanted
    assert set(curl_learn(text).notes) == notes


WHOLE = ("openai_compatible", "llm", "https://h.com/v1", KEY, "bearer", "m-1")
CHAT = "https://h.com/v1/chat/completions"
AUTH = f"-H 'Authorization: Bearer {KEY}'"
BODY = """-d '{"model": "m-1"}'"""
WAYS = [
    f'curl {CHAT} -H "Authorization: Bearer {KEY}" {BODY}',
    f"$ curl -sSXPOST -H'Authorization: Bearer {KEY}' -d'{{\"model\":\"m-1\"}}' h.com/v1/chat/completions | jq .",
    f'curl.exe "{CHAT}" ^\n -H "Authorization: Bearer {KEY}" ^\n -d "{{\\"model\\":\\"m-1\\"}}"',
    f'curl ^"{CHAT}^" ^\r\n  -H ^"authorization: Bearer {KEY}^" ^\r\n  -d ^"^{{^\\^"model^\\^":^\\^"m-1^\\^"^}}^"',
    f'curl `\n --url {CHAT} `\n {AUTH} --json \'{{"model":"m-1"}}\'',
    f"curl '{CHAT}' -H 'Authorization: bearer {KEY}' --data-raw $'{{\"model\":\"m\\u002d1\"}}'",
    f'curl -X POST {CHAT} \\  \n--oauth2-bearer {KEY}\n--data \'{{"model": "m-1",}}\'',
    f"curl --max-time 30 -o out.json --url={CHAT} {AUTH} -d '{{\n  // which model\n"
    '  "model": "m-1", /* "model": "other" */\n  "messages": [{"content": "// no comment",},],\n}\'',
    f'curl {CHAT} {AUTH} -d \'{{"model": "m-1", "messages": […]}}\'',
    f"export A=1; curl {CHAT} {AUTH} {BODY} > o.json",
    f"```bash\ncurl {CHAT} {AUTH} {BODY}\n```",
    f'curl {CHAT} {AUTH} {BODY}\ncurl https://other.com/v1/embeddings -d \'{{"model": "m-2"}}\'',
]


@pytest.mark.parametrize("text", WAYS)
def test_one_command_in_many_spellings(text: str) -> None:
    assert learned(text) == WHOLE
    assert curl_learn(text).notes == ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"curl https://h.com/v1/embeddings -H 'Authorization: {KEY}'", {"auth": "raw", "api_key": KEY}),
        ("curl https://h.com -F file=@page.png", {"vendor": "yuanjing", "kind": "ocr"}),
        ("curl http://10.0.0.7:11434/api/chat -d '{\"model\": \"qwen3\"}'", {"inference_url": "http://10.0.0.7:11434/v1"}),
        ("curl https://h.com/v1 -d '{\"prompt\": \"1\"}'", {"kind": "llm"}),
        ("curl https://h.com/v1 -d '{\"input\": \"1\"}'", {"kind": "embedding"}),
        ("curl https://api.siliconflow.cn/v1/rerank", {"vendor": "siliconflow", "kind": "rerank"}),
        ("curl https://h.com/v1 -d @body.json", {"vendor": "openai_compatible", "kind": "", "upstream_model": ""}),
        ("curl https://h.com/v1 -u me:pw -H 'Authorization: Basic bWU6'", {"notes": ("other_auth",)}),
        ("curl https://h.com/v1 -H \"Authorization: Bearer $API_KEY\"", {"api_key": "", "notes": ("key_hole",)}),
        ("curl https://ark.cn-beijing.volces.com/api/v3/rerank", {"vendor": "ark", "kind": ""}),
    ],
)  # fmt: skip
def test_single_things_are_learned(text: str, wanted: dict[str, object]) -> None:
    found = curl_learn(text)
    assert {name: getattr(found, name) for name in wanted} == wanted


HOSTILE = {
    "nothing": ("", "no_curl"),
    "another command": ("rm -rf / ; wget https://h.com/v1", "no_curl"),
    "a word with curl in it": ("curly https://h.com/v1 libcurl", "no_curl"),
    "too much": ("curl " + "x" * CURL_MAX, "too_long"),
    "an open quote": ("curl 'https://h.com/v1/chat/completions -d {", "cut"),
    "an open double quote": ('curl https://h.com/v1 -d "{\\"model', "cut"),
}


@pytest.mark.parametrize(("text", "note"), HOSTILE.values(), ids=list(HOSTILE))
def test_what_is_no_whole_command_has_a_note(text: str, note: str) -> None:
    assert note in curl_learn(text).notes


def test_nothing_is_run_and_no_file_is_read() -> None:
    text = "curl https://h.com/v1/$(id) -H @/etc/passwd -H 'Authorization: Bearer `id`' -d @/etc/passwd -K /etc/passwd"
    found = curl_learn(text)
    assert (found.api_key, found.upstream_model, found.auth) == ("", "", "bearer")
    assert "key_hole" in found.notes


def test_a_nul_is_passed_over() -> None:
    found = curl_learn('curl https://h.com/v1\x00/chat/completions -d \'{"model": "m\x00"}\'')
    assert (found.inference_url, found.upstream_model) == ("https://h.com/v1", "m")


@pytest.mark.parametrize(
    "filling",
    [
        "'",
        '"',
        "\\",
        '\\"',
        "`",
        "^",
        "<",
        "/*",
        ",",
        " ",
        "\n",
        "-H ",
        "$'",
        "{",
        "[",
        "base ",
        "api-",
        "h.",
        "//",
        "&",
        "^\n",
    ],
)
def test_much_of_anything_takes_little_time(filling: str) -> None:
    many = filling * (CURL_MAX // 2 // len(filling))
    before = time.process_time()
    for text in (f"curl {many}", f"curl https://h.com/v1 -d '{many}'", f'curl https://{many} -d "{many}"'):
        assert isinstance(curl_learn(text), Learned)
    assert time.process_time() - before < 6


@pytest.mark.parametrize("filling", ["x", "X", "key-", "your-model", "secret", "the "])
def test_a_long_key_or_model_takes_little_time(filling: str) -> None:
    """What holds the interpreter for a minute holds every call in flight."""
    many = filling * (CURL_MAX // 2 // len(filling)) + "y"
    before = time.process_time()
    for text in (
        f"curl https://h.com/v1 -H 'Authorization: Bearer {many}'",
        f'curl {CHAT} -d \'{{"model":"{many}"}}\'',
    ):
        assert isinstance(curl_learn(text), Learned)
    assert time.process_time() - before < 3


@hypothesis.given(st.text(alphabet="curl -HdF'\"\\^`$<>{}[]:/.,;|&=@#\n\x00a1模", max_size=80))
@hypothesis.settings(deadline=None, max_examples=400)
def test_nothing_pasted_raises(text: str) -> None:
    curl_learn(f"curl {text}")
