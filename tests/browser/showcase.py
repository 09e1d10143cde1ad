"""A console as it looks after three weeks of work: what README's pictures show."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulator.server import SimulatorThread
from tests.browser.demo import ADMIN, DEVELOPER, DOWN, QUICK, Site, take_down
from tests.chaos.chaos_product import PASSWORD, Product
from tests.console.conftest import server_kept

PATHS = {"yuanjing": "/openapi/compatible-mode/v1", "ollama": "/v1"}
LIMITS = {"rpm": 600, "tpm": 1_000_000}
MODELS: tuple[dict[str, Any], ...] = (
    {"name": "DeepSeek-R1", "vendor": "yuanjing", "price": {"input": "4", "output": "16"}, "limits": LIMITS},
    {"name": "DeepSeek-V3", "vendor": "yuanjing", "price": {"input": "2", "output": "8"}, "limits": LIMITS},
    {"name": "Qwen3-235B-A22B", "price": {"input": "4", "output": "40"}, "context_length": 131072, "limits": LIMITS},
    {"name": DOWN, "upstream": "chat;chunks=3", "price": {"input": "2", "output": "20"}, "context_length": 131072},
    {
        "name": "QwQ-32B",
        "vendor": "ollama",
        "price": {"input": "1.5", "output": "6"},
        "context_length": 32768,
        "limits": {"rpm": 120},
    },
    {"name": "MiniMax-M1-80K", "price": {"input": "4", "output": "16"}, "context_length": 1_000_000, "limits": LIMITS},
    {"name": "GLM-4-Flash", "price": {"free": True}, "context_length": 131072, "limits": {"concurrency": 1000}},
    {"name": "GLM-4-Long", "price": {"input": "1", "output": "1"}, "context_length": 1_000_000},
    {"name": "ERNIE-4.5-Turbo-128K", "price": {"input": "1.14", "output": "4.57"}, "context_length": 131072},
    {"name": "bge-large-zh-v1.5", "kind": "embedding", "upstream": "embed", "price": {"input": "0.5", "output": "0"}},
    {"name": "text-embedding-v3", "kind": "embedding", "upstream": "embed", "price": {"input": "0.9", "output": "0"}},
    {"name": "bge-reranker-v2-m3", "kind": "rerank", "upstream": "rerank", "price": {"per_call": "0.001"}},
)
OFF = ({"name": "doubao-seed-1-6-flash"},)


@contextmanager
def showcase_running(folder: Path) -> Iterator[Site]:
    wish = {"ADMIN_USERNAME": ADMIN, "ADMIN_PASSWORD": PASSWORD, "PROBE_INTERVAL_S": "5", "LOG_LEVEL": "WARNING"}
    with SimulatorThread() as upstream, server_kept(folder, **wish) as server:
        product = Product(server, upstream)
        process = product.start()
        product.apply([model_filled(model, upstream.url) for model in MODELS])
        product.apply([model_filled(model, upstream.url) for model in OFF], enable=False)
        take_down(product)
        product.python("from tests.browser import past; past.sign_up()")
        key = product.manage("key_create", DEVELOPER, "--name", "客服线上")
        product.python("from tests.browser import past; past.fill()")
        yield Site(product, {DEVELOPER: key})
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def model_filled(model: dict[str, Any], upstream: str) -> dict[str, Any]:
    usual = {"upstream": QUICK, "context_length": 65536, "max_output_tokens": 8192}
    filled = {**(usual if model.get("kind", "llm") == "llm" else {}), **model}
    if path := PATHS.get(filled.pop("vendor", "")):
        endpoint = {"vendor": model["vendor"], "inference_url": f"{upstream}{path}", "model": filled["upstream"]}
        filled["endpoints"] = [{**endpoint, **({"api_key": "sk-demo"} if model["vendor"] == "yuanjing" else {})}]
    return filled
