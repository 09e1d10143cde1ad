"""A product with something to show: models of every kind, people, and calls really made, so that bills are real."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from simulator.server import SimulatorThread
from tests.chaos.chaos_product import PASSWORD, Product
from tests.console.conftest import server_kept, wait_until

ADMIN, DEVELOPER, NEWCOMER = "admin", "lin.yue", "newcomer"
LONG_NAME = "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B-Instruct-AWQ-int4-long-context-preview-2025-11-21"
THINKING = "chat;chunks=24;reasoning=8;chunk_ms=2;first_ms=30"
QUICK = "chat;chunks=12;first_ms=12"
CHAT = {"messages": [{"role": "user", "content": "用一句话介绍大海"}]}


def llm(name: str, upstream: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "upstream": upstream, "context_length": 65536, "max_output_tokens": 8192, **fields}


MODELS: tuple[dict[str, Any], ...] = (
    llm("DeepSeek-R1", THINKING, price={"input": "4", "output": "16"}, limits={"rpm": 600, "tpm": 1_000_000}),
    llm("DeepSeek-V3", QUICK, price={"input": "2", "output": "8"}, limits={"rpm": 600, "tpm": 1_000_000}),
    llm("Qwen3-235B-A22B", QUICK, price={"input": "4", "output": "40"}, context_length=131072),
    llm("QwQ-32B", "chat;chunks=1000;chunk_ms=20", price={"input": "1.5", "output": "6"}),
    llm("GLM-4-Flash", QUICK, price={"free": True}, limits={"concurrency": 1000}),
    llm("Qwen3-32B", "chat;chunks=3", price={"input": "2", "output": "20"}),
    llm(LONG_NAME, QUICK, price={"input": "0.000001", "output": "12345.678"}),
    {"name": "bge-large-zh-v1.5", "upstream": "embed", "kind": "embedding", "price": {"input": "0.5", "output": "0"}},
    {"name": "bge-reranker-v2-m3", "upstream": "rerank", "kind": "rerank", "price": {"per_call": "0.01"}},
)
OFF: tuple[dict[str, Any], ...] = (llm("doubao-seed-1-6-flash", QUICK),)
DOWN = "Qwen3-32B"


@dataclass(frozen=True)
class Site:
    """A running product, and keys of its people."""

    product: Product
    keys: dict[str, str]

    @property
    def url(self) -> str:
        return self.product.url


@contextmanager
def site_running(folder: Path) -> Iterator[Site]:
    """A server with the demo in it."""
    settings = {"ADMIN_USERNAME": ADMIN, "ADMIN_PASSWORD": PASSWORD, "PROBE_INTERVAL_S": "2", "LOG_LEVEL": "WARNING"}
    with SimulatorThread() as upstream, server_kept(folder, **settings) as server:
        product = Product(server, upstream)
        process = product.start()
        yield demo_fill(product)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def demo_fill(product: Product) -> Site:
    with ThreadPoolExecutor(2) as pool:
        applied = pool.submit(product.apply, MODELS)
        developer = pool.submit(product.user, DEVELOPER, keys=2)
        (key, _), _ = developer.result(), applied.result()
    product.apply(OFF, enable=False)
    product.manage("user_create", NEWCOMER, PASSWORD)
    admin_key = product.manage("key_create", ADMIN, "--name", "自动化", "--scope", "management")
    product.manage("credit_grant", DEVELOPER, "200", "--reason", "demo")
    wait_until(lambda: product.is_known(key) and product.is_known(admin_key), seconds=5, what="the keys' first call")
    calls_make(product.url, key)
    take_down(product)
    return Site(product, {DEVELOPER: key, ADMIN: admin_key})


def calls_make(url: str, key: str) -> None:
    """Chats whole and streamed, one broken off by its caller, one refused, embeddings and reranks."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as caller:
        for number in range(6):
            for model in ("DeepSeek-R1", "DeepSeek-V3", "GLM-4-Flash", LONG_NAME):
                answer = caller.post("/v1/chat/completions", json={"model": model, **CHAT, "stream": number % 2 == 1})
                assert answer.status_code == 200, answer.text
            texts = [f"第 {number} 段文字"] * 8
            caller.post("/v1/embeddings", json={"model": "bge-large-zh-v1.5", "input": texts}).raise_for_status()
        rerank = {"model": "bge-reranker-v2-m3", "query": "大海", "documents": ["股票", "海洋"]}
        caller.post("/v1/rerank", json=rerank).raise_for_status()
        caller.post("/v1/chat/completions", json={"model": "nobody", **CHAT})
        with (
            suppress(httpx.HTTPError),
            caller.stream("POST", "/v1/chat/completions", json={"model": "QwQ-32B", **CHAT, "stream": True}) as leaving,
        ):
            next(leaving.iter_bytes())


def take_down(product: Product) -> None:
    """One upstream goes away, and the probes see it."""
    wish = {"down": True, "models": ["chat;chunks=3"]}
    httpx.post(f"{product.upstream.url}/_sim/down", json=wish).raise_for_status()
    down = "SELECT count(*) FROM models_registry_endpoint WHERE health = 'down'"
    wait_until(lambda: product.rows(down)[0][0] > 0, seconds=30, what="the outage in the registry")
