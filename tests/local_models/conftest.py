"""Starts the local models as the supervisor would: a process each, on a port of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import local_models
from local_models.catalog import LOCAL_MODELS, missing_packages

SOURCE_ROOT = Path(local_models.__file__).parent.parent
LOAD_DEADLINE_S = 60


@pytest.fixture(scope="module")
def llm_url() -> Iterator[str]:
    with running("llm") as (_, url):
        yield url


@pytest.fixture(scope="module")
def embedding_url() -> Iterator[str]:
    with running("embedding") as (_, url):
        yield url


@pytest.fixture(scope="module")
def rerank_url() -> Iterator[str]:
    with running("rerank") as (_, url):
        yield url


@pytest.fixture(scope="module")
def ocr_url() -> Iterator[str]:
    with running("ocr") as (_, url):
        yield url


@pytest.fixture
def start_server():
    """`running`, for tests that end the process themselves."""
    return running


@contextmanager
def running(slug: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A loaded server: its process and its base URL."""
    if missing := missing_packages(LOCAL_MODELS[slug]):
        pytest.skip(f"requirements-local-models.lock is not installed: no {', '.join(missing)}")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command(slug, port), env=environment()) as process:
        try:
            wait_until_loaded(process, url + LOCAL_MODELS[slug].health_path)
            yield process, url
        finally:
            process.kill()


def command(slug: str, port: int) -> list[str]:
    return [sys.executable, "-m", "local_models", slug, "--port", str(port), "--exit-with-parent"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_loaded(process: subprocess.Popen[bytes], health_url: str) -> None:
    deadline = time.monotonic() + LOAD_DEADLINE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended while loading"
        if is_healthy(health_url):
            return
        time.sleep(0.05)
    pytest.fail(f"{health_url} did not answer 200 in {LOAD_DEADLINE_S} s")


def is_healthy(health_url: str) -> bool:
    try:
        return httpx.get(health_url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
