"""The processes that are measured, each on a port of its own, each ended by its own pid."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
UVICORN = (
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log"),
    *("--log-level", "critical", "--no-proxy-headers", "--no-server-header"),
)
REGISTRY = """
models:
  - name: bench
    kind: llm
    price: {{input: "2", output: "8"}}
    endpoints: [{{vendor: openai_compatible, inference_url: "{upstream}/v1", model: stub, api_key: sk-upstream-key}}]
"""


@dataclass
class Rival:
    name: str
    url: str
    pid: int
    key: str = "none"
    headers: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def memory_mb(self) -> float:
        """Resident memory as the kernel counts it."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(arguments: list[str], environment: dict[str, str] | None = None) -> Iterator[int]:
    with started([sys.executable, *arguments], environment) as pid:
        yield pid


@contextmanager
def started(command: list[str], environment: dict[str, str] | None = None, **options: Any) -> Iterator[int]:
    child = subprocess.Popen(command, cwd=ROOT, env=environment, **options)
    try:
        yield child.pid
    finally:
        child.terminate()
        child.wait(30)


@contextmanager
def stub() -> Iterator[str]:
    port = free_port()
    with process(["-m", "benchmarks.stub", str(port)]):
        wait_for_port(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def forwarder(upstream: str) -> Iterator[Rival]:
    port = free_port()
    with process(["-m", "benchmarks.forwarder", str(port), upstream]) as pid:
        yield Rival("bare forwarder", f"http://127.0.0.1:{port}", pid)


@contextmanager
def asgi_forwarder(upstream: str) -> Iterator[Rival]:
    port = free_port()
    arguments = ["-m", "uvicorn", "benchmarks.asgi_forwarder:app", "--port", str(port), *UVICORN, "--lifespan", "off"]
    with process(arguments, {**os.environ, "UPSTREAM": upstream}) as pid:
        yield Rival("ASGI forwarder", f"http://127.0.0.1:{port}", pid)


@contextmanager
def model_console(upstream: str, folder: Path) -> Iterator[Rival]:
    """The product as `make run` starts its web process, with every check, hold and receipt."""
    port = free_port()
    environment = {**os.environ, "DATA_DIR": str(folder), "LOCAL_MODELS": "0", "LOG_LEVEL": "WARNING"}
    environment.setdefault("ALLOWED_PRIVATE_NETWORKS", "127.0.0.0/8")
    name = f"bench-{os.getpid()}"
    (folder / "models.yaml").write_text(REGISTRY.format(upstream=upstream))
    manage(environment, "migrate", "-v0")
    manage(environment, "user_create", name, "a long pass phrase")
    manage(environment, "credit_grant", name, "1000000", "--reason", "bench")
    key = manage(environment, "key_create", name, "--name", "bench").strip()
    manage(environment, "registry_apply", str(folder / "models.yaml"), "--enable")
    with process(["-m", "console.web", "--port", str(port)], environment) as pid:
        yield Rival("Model Console", f"http://127.0.0.1:{port}", pid, key, environment=environment)


def manage(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def wait_for(rival: Rival) -> None:
    wait_for_port(int(rival.url.rpartition(":")[2]), seconds=120)  # LiteLLM takes its time


def wait_for_port(port: int, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise SystemExit(f"nothing listens on port {port}") from None
            time.sleep(0.05)
        else:
            return
