"""The gateways others use, for `make bench PEERS=1`: without keys of callers, database or bills, each as it comes.

Both are installed by `make` into `.venv/peers`, and listen on the loopback address only.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.rivals import ROOT, Rival, free_port, started

FOLDER = ROOT / ".venv" / "peers"
QUIET: dict[str, Any] = {
    "stdout": subprocess.DEVNULL,
    "stderr": subprocess.DEVNULL,
}  # whether they work is asked of them
KEY = "sk-peers-of-the-benchmark-0123456789"
ANSWER_S = 30
LITELLM = """
model_list:
  - model_name: bench
    litellm_params: {{model: openai/stub, api_base: "{upstream}/v1", api_key: none}}
general_settings: {{master_key: "{key}"}}
"""


@contextmanager
def litellm(upstream: str, folder: Path) -> Iterator[Rival]:
    """One worker, as ours is."""
    port = free_port()
    (folder / "litellm.yaml").write_text(LITELLM.format(upstream=upstream, key=KEY))
    options = ["--config", str(folder / "litellm.yaml"), "--num_workers", "1", "--telemetry", "False"]
    command = [str(FOLDER / "bin" / "litellm"), "--host", "127.0.0.1", "--port", str(port), *options]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # its price list would come from the network
    with started(command, environment, **QUIET) as pid:
        yield Rival("LiteLLM", f"http://127.0.0.1:{port}", pid, KEY)


@contextmanager
def portkey(upstream: str) -> Iterator[Rival]:
    port = free_port()
    server = FOLDER / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    preload = str(ROOT / "benchmarks" / "portkey.cjs")
    command = ["node", "--require", preload, str(server), f"--port={port}", "--headless"]
    with started(command, **QUIET) as pid:
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"{upstream}/v1"}
        yield Rival("Portkey", f"http://127.0.0.1:{port}", pid, headers=headers)


def wait_for_answer(rival: Rival) -> None:
    """A port that is open need not answer yet."""
    headers = {"Authorization": f"Bearer {rival.key}", **rival.headers}
    body = {"model": "bench", "max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}
    answer = httpx.post(f"{rival.url}/v1/chat/completions", headers=headers, json=body, timeout=ANSWER_S)
    if answer.status_code != 200:
        sys.exit(f"{rival.name} answers {answer.status_code}: {answer.text[:300]}")
