"""A whole server per test: `manage.py up` with a data folder, a port and, on PostgreSQL, a database of its own."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
START_S = 40


@dataclass
class Server:
    """Started with `start`; output is kept in a file, so that no pipe can fill up."""

    folder: Path
    environment: dict[str, str]
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, **settings: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(ROOT / "manage.py"), "up"]
        self.output_path.write_bytes(b"")
        with self.output_path.open("ab") as output:
            process = subprocess.Popen(
                command, env={**self.environment, **settings}, stdout=output, stderr=subprocess.STDOUT
            )
        self.processes.append(process)
        return process

    @property
    def output_path(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def output(self) -> str:
        return self.output_path.read_text(encoding="utf-8")

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5).text == "ok\n"
        except httpx.HTTPError:
            return False

    def children(self) -> dict[str, int]:
        """Name → pid of every process of this server but the supervisor itself."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
                command = (folder / "cmdline").read_bytes().decode()
            except OSError:
                continue
            if f"DATA_DIR={self.folder}".encode() in environment and "\0up\0" not in command:
                found[name_of(command)] = int(folder.name)
        return found


def name_of(command: str) -> str:
    names = (
        "console.web",
        "\0clerk",
        "\0worker",
        "\0beat",
        "\0simulator",
        "local_models\0llm",
        "local_models\0embedding",
        "local_models\0rerank",
    )
    for name in (*names, "local_models\0ocr"):
        if name in command:
            return name.rsplit("\0", 1)[-1]
    return command.replace("\0", " ")


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> float:
    """How long it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() > began + seconds:
            pytest.fail(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)
    return time.monotonic() - began


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def server_kept(folder: Path, **settings: str) -> Iterator[Server]:
    """Not started yet; every process and database it gets is gone at the end."""
    port = free_port()
    environment = {
        **os.environ,
        "DATA_DIR": str(folder),
        "PORT": str(port),
        "LOCAL_MODELS": "0",
        "DRAIN_TIMEOUT_S": "10",
        **settings,
    }
    url = os.environ.get("DATABASE_URL", "")
    name = f"up_{secrets.token_hex(6)}"
    if url:
        administer(url, f'CREATE DATABASE "{name}"')
        environment["DATABASE_URL"] = f"{url.rsplit('/', 1)[0]}/{name}"
    running = Server(folder, environment, port)
    try:
        yield running
    finally:
        for process in running.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
        wait_until(lambda: not running.children(), seconds=10, what="the end of the children")
        if url:
            administer(url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with server_kept(tmp_path / "data") as running:
        yield running


def administer(url: str, statement: str) -> None:
    with psycopg.connect(f"{url.rsplit('/', 1)[0]}/postgres", autocommit=True) as connection:
        connection.execute(statement.encode())
