"""`make bench-pages`: how long each page takes with 1,000 models and 100,000 calls, and how many queries it makes.

It fills the empty database of DATABASE_URL (otherwise an SQLite file that is thrown away), starts the real web
process, signs in over HTTP and opens every page in turn, round after round, on a kept loopback connection. A time is
the time to the whole answer as its client sees it. `--filled` measures a database that an earlier run has filled.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.rivals import ROOT, free_port, manage, process, wait_for_port
from tests.browser.pages import PAGES

ROUNDS = 30
PASSWORD = "a long pass phrase"  # noqa: S105 - of an empty database's people
PEOPLE = {"visitor": "", "developer": "bench-developer", "admin": "bench-admin"}
HTMX = {"HX-Request": "true"}
# What filters, searches, pagers and time ranges of the pages cost; the API's lists.
FURTHER = {
    "developer": (
        "/?days=1", "/?days=30", "/?part=recent",
        "/catalogue/?q=qwen", "/catalogue/?kind=llm&page=14", "/catalogue/?sort=buys&view=cards",
        "/usage/?days=1", "/usage/?days=30", "/usage/?days=90", "/usage/?days=30&outcome=failed",
        "/billing/?tab=days", "/billing/?tab=models", "/billing/?tab=keys", "/billing/?type=released",
        "/palette/?q=qwen", "/palette/?q=", "/playground/history/",
        "/api/v1/models?page_size=200", "/api/v1/keys", "/api/v1/balance", "/api/v1/usage", "/api/v1/usage?limit=100",
        "/api/v1/usage/daily?days=30", "/api/v1/transfers?limit=100", "/api/v1/vendors", "/api/v1/openapi.json",
    ),
    "admin": (
        "/models/?kind=llm&page=14", "/models/?kind=embedding", "/models/?kind=rerank", "/models/?kind=ocr",
        "/models/?q=qwen", "/models/?q=llm.example.com", "/models/?health=down", "/models/?health=degraded",
        "/models/?vendor=openai_compatible&state=on", "/catalogue/", "/", "/palette/?q=qwen",
        "/api/v1/models?page_size=200", "/api/v1/models?q=llm.example.com",
    ),
}  # fmt: skip


@dataclass
class Opened:
    """An address as somebody opens it. `part` is what HTMX asks for."""

    who: str
    address: str
    queries: int = 0
    bytes: int = 0
    times_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)  # of the web process, in steps of the kernel's clock

    def __str__(self) -> str:
        return (
            f"{self.p95_ms:>8.1f} {statistics.median(self.times_ms):>8.1f} {statistics.mean(self.cpu_ms):>8.1f}"
            f" {self.queries:>8}"
            f" {self.bytes / 1024:>8.0f}   {self.who:<10}{self.address}"
        )

    @property
    def p95_ms(self) -> float:
        return sorted(self.times_ms)[int(len(self.times_ms) * 0.95)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-pages")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--filled", action="store_true", help="the database was filled by an earlier run")
    parser.add_argument("--only", default="", help="a pattern for the addresses to open")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="model-console-pages-") as folder, web_process(Path(folder), options.filled) as web:
        opened = [one for one in what_to_open(web) if re.search(options.only, one.address)]
        count_queries(web.environment, opened)
        with people(web.url) as clients:
            for _ in range(options.rounds + 1):
                for one in opened:
                    open_once(clients[one.who], one, web.pid)
    report(opened)


# --- the console -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Web:
    url: str
    pid: int
    environment: dict[str, str]
    addresses: list[str]  # that only exist in this database


@contextmanager
def web_process(folder: Path, is_filled: bool) -> Iterator[Web]:
    """As `make run` starts it. No worker runs: nothing is probed, nothing changes while it is measured."""
    keys = {"SECRET_KEY": "of-a-benchmark-and-of-nothing-else-" * 2, "FIELD_ENCRYPTION_KEYS": f"{'A' * 43}="}
    environment = {**os.environ, **keys, "DATA_DIR": str(folder), "LOCAL_MODELS": "0", "LOG_LEVEL": "WARNING"}
    manage(environment, "migrate", "-v0")
    command = [sys.executable, "-m", "benchmarks.filling", *(["--look"] if is_filled else [])]
    filled = subprocess.run(command, cwd=ROOT, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    if filled.returncode:
        sys.exit(filled.returncode)  # it has said why
    port = free_port()
    with process(["-m", "console.web", "--port", str(port)], environment) as pid:
        wait_for_port(port)
        yield Web(f"http://127.0.0.1:{port}", pid, environment, json.loads(filled.stdout))


@contextmanager
def people(url: str) -> Iterator[dict[str, httpx.Client]]:
    """A kept connection each."""
    clients = {who: httpx.Client(base_url=url, timeout=60) for who in PEOPLE}
    for who, username in PEOPLE.items():
        if username:
            sign_in(clients[who], username)
    yield clients
    for client in clients.values():
        client.close()


def sign_in(client: httpx.Client, username: str) -> None:
    page = client.get("/accounts/login/")
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert found is not None
    form = {"login": username, "password": PASSWORD, "csrfmiddlewaretoken": found[1]}
    answer = client.post("/accounts/login/", data=form)
    if answer.status_code != 302:
        raise SystemExit(f"{username} cannot sign in: {answer.status_code}")


# --- opening ---------------------------------------------------------------------------------------
def what_to_open(web: Web) -> list[Opened]:
    pages = [Opened(page.who, page.path) for page in PAGES]
    further = [Opened(who, address) for who, addresses in FURTHER.items() for address in addresses]
    return [*pages, *further, *(Opened("developer", address) for address in web.addresses)]


def open_once(client: httpx.Client, one: Opened, pid: int) -> None:
    cpu, began = cpu_ms_of(pid), time.perf_counter()
    answer = client.get(one.address)
    one.times_ms.append((time.perf_counter() - began) * 1000)
    one.cpu_ms.append(cpu_ms_of(pid) - cpu)
    if answer.status_code != 200:
        raise SystemExit(f"{one.who} {one.address}: {answer.status_code}")
    one.bytes = len(answer.content)


def cpu_ms_of(pid: int) -> float:
    """What a process has used: unlike the time an answer takes it hardly depends on who else is at work."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def count_queries(environment: dict[str, str], opened: list[Opened]) -> None:
    """In a process of its own: the web process would have to be another than the real one to tell."""
    by_who = {who: [one for one in opened if one.who == who] for who in PEOPLE}
    asked = json.dumps({PEOPLE[who]: [one.address for one in found] for who, found in by_who.items()})
    command = [sys.executable, "-m", "benchmarks.counting"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, input=asked, stdout=subprocess.PIPE, text=True
    )
    counts = json.loads(done.stdout)
    for who, found in by_who.items():
        for one, count in zip(found, counts[PEOPLE[who]], strict=True):
            one.queries = count


def report(opened: list[Opened]) -> None:
    """The worst first; the first round warmed up and does not count."""
    for one in opened:
        one.times_ms, one.cpu_ms = one.times_ms[1:], one.cpu_ms[1:]
    print(f"{'p95 ms':>8} {'p50 ms':>8} {'CPU ms':>8} {'queries':>8} {'KB':>8}   {'who':<10}address")
    for one in sorted(opened, key=lambda one: -one.p95_ms):
        print(one)


if __name__ == "__main__":
    main()
