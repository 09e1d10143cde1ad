"""An inference URL in any of its forms reaches the documented path."""

import pytest

from models_registry.vendors import VENDORS
from models_registry.vendors.wire import url_join

YUANJING = "https://maas-api.ai-yuanjing.com/openapi"
DASHSCOPE = "https://dashscope.aliyuncs.com"
NATIVE_RERANK = "/services/rerank/text-rerank/text-rerank"
ARK = "https://ark.cn-beijing.volces.com"
CHAT = "https://maas.ai-yuanjing.com/openapi/compatible-mode/v1"
TABLE = [
    # vendor, kind, operation, given, called
    ("openai_compatible", "llm", "chat", "https://h/v1", "https://h/v1/chat/completions"),
    ("openai_compatible", "llm", "chat", "https://h/v1/", "https://h/v1/chat/completions"),
    ("openai_compatible", "llm", "chat", " https://h/v1 ", "https://h/v1/chat/completions"),
    ("openai_compatible", "llm", "chat", "https://h/v1/chat", "https://h/v1/chat/completions"),
    ("openai_compatible", "llm", "chat", "https://h/v1/chat/completions", "https://h/v1/chat/completions"),
    ("openai_compatible", "llm", "chat", "https://h/v1/chat/completions/", "https://h/v1/chat/completions"),
    ("openai_compatible", "llm", "chat", "https://h/v1/completions", "https://h/v1/chat/completions"),
    ("openai_compatible", "llm", "chat", "https://h", "https://h/chat/completions"),
    ("openai_compatible", "llm", "chat", "https://h:8443/a/b/v4", "https://h:8443/a/b/v4/chat/completions"),
    ("openai_compatible", "llm", "chat", "https://h/v1?v=1", "https://h/v1/chat/completions?v=1"),
    ("openai_compatible", "llm", "chat", "https://h/v1/chat/completions?v=1", "https://h/v1/chat/completions?v=1"),
    ("openai_compatible", "llm", "completions", "https://h/v1/chat/completions?v=1", "https://h/v1/completions?v=1"),
    ("openai_compatible", "llm", "completions", "https://h/v1/chat/completions", "https://h/v1/completions"),
    ("openai_compatible", "llm", "completions", "https://h/v1", "https://h/v1/completions"),
    ("openai_compatible", "embedding", "embeddings", "https://h/v1", "https://h/v1/embeddings"),
    ("openai_compatible", "embedding", "embeddings", "https://h/v1/embeddings", "https://h/v1/embeddings"),
    ("openai_compatible", "rerank", "rerank", "https://h/v1", "https://h/v1/rerank"),
    ("openai_compatible", "rerank", "rerank", "https://h/v2/rerank", "https://h/v2/rerank"),
    ("ollama", "llm", "chat", "http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1/chat/completions"),
    ("yuanjing", "llm", "chat", CHAT, f"{CHAT}/chat/completions"),
    ("yuanjing", "llm", "chat", f"{CHAT}/chat/completions", f"{CHAT}/chat/completions"),
    (
        "yuanjing",
        "embedding",
        "embeddings",
        f"{YUANJING}/compatible-mode/v1",
        f"{YUANJING}/compatible-mode/v1/embeddings",
    ),
    ("yuanjing", "rerank", "rerank", f"{YUANJING}/bge/v1", f"{YUANJING}/bge/v1/rerank"),
    ("yuanjing", "rerank", "rerank", f"{YUANJING}/bge/v1/rerank", f"{YUANJING}/bge/v1/rerank"),
    ("yuanjing", "ocr", "ocr", f"{YUANJING}/v1", f"{YUANJING}/v1/unicom-ocr"),
    ("yuanjing", "ocr", "ocr", f"{YUANJING}/v1/unicom-ocr", f"{YUANJING}/v1/unicom-ocr"),
    ("yuanjing", "ocr", "ocr", f"{YUANJING}/v1/unicom-ocr/", f"{YUANJING}/v1/unicom-ocr"),
    ("dashscope", "llm", "chat", f"{DASHSCOPE}/compatible-mode/v1", f"{DASHSCOPE}/compatible-mode/v1/chat/completions"),
    (
        "dashscope",
        "embedding",
        "embeddings",
        f"{DASHSCOPE}/compatible-mode/v1/embeddings",
        f"{DASHSCOPE}/compatible-mode/v1/embeddings",
    ),
    ("dashscope", "rerank", "rerank", f"{DASHSCOPE}/api/v1", f"{DASHSCOPE}/api/v1{NATIVE_RERANK}"),
    ("dashscope", "rerank", "rerank", f"{DASHSCOPE}/api/v1/services/rerank/", f"{DASHSCOPE}/api/v1{NATIVE_RERANK}"),
    ("dashscope", "rerank", "rerank", f"{DASHSCOPE}/api/v1{NATIVE_RERANK}", f"{DASHSCOPE}/api/v1{NATIVE_RERANK}"),
    ("ark", "llm", "chat", f"{ARK}/api/v3", f"{ARK}/api/v3/chat/completions"),
    ("ark", "llm", "chat", f"{ARK}/api/v3/chat/completions", f"{ARK}/api/v3/chat/completions"),
]


@pytest.mark.parametrize(("vendor", "kind", "operation", "given", "called"), TABLE)
def test_every_form_of_a_url_reaches_the_documented_path(
    vendor: str, kind: str, operation: str, given: str, called: str
) -> None:
    assert VENDORS[vendor].kinds[kind].dialect.url(given, operation) == called


def test_the_vendors_own_default_reaches_it_too() -> None:
    for vendor in VENDORS.values():
        for kind, spec in vendor.kinds.items():
            if spec.default_url:
                operation = {"llm": "chat", "embedding": "embeddings"}.get(kind, kind)
                once = spec.dialect.url(spec.default_url, operation)
                assert spec.dialect.url(once, operation) == once
                assert once.startswith(spec.default_url)


def test_joining_twice_is_joining_once() -> None:
    once = url_join("https://h/api/v1", "/services/rerank/text-rerank/text-rerank")
    assert url_join(once, "/services/rerank/text-rerank/text-rerank") == once
