"""The product as an operator meets it: `manage.py up`, real commands beside it, and its database seen from outside."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import yaml

from simulator.server import SimulatorThread
from tests.console.conftest import ROOT, START_S, Server, wait_until

CHILDREN = {"console.web", "clerk", "worker", "beat"}
COMMAND_S = 90
PASSWORD = "a long pass phrase"

log = logging.getLogger("chaos")

AVAILABLE = (
    "SELECT u.username, sum(a.credits_nano - a.debits_nano - a.pending_nano) FROM billing_account a"
    " JOIN accounts_membership m ON m.workspace_id = a.workspace_id JOIN accounts_user u ON u.id = m.user_id"
    " GROUP BY u.username"
)

Query = Callable[[str], list[tuple[Any, ...]]]


def measured(what: str, value: float) -> None:
    """Shown by `pytest --log-cli-level=INFO`."""
    log.info("%s: %.4g", what, value)


class Product:
    """One server with one simulator as its upstream."""

    def __init__(self, server: Server, upstream: SimulatorThread) -> None:
        self.server = server
        self.upstream = upstream
        self.url = f"http://127.0.0.1:{server.port}"
        self.documents = 0

    # --- processes -----------------------------------------------------------------------------
    def start(self, **settings: str) -> subprocess.Popen[bytes]:
        """Settings stay for later commands and starts."""
        self.server.environment.update(settings)
        process = self.server.start()
        wait_until(lambda: self.is_serving or process.poll() is not None, seconds=START_S, what="serving")
        assert process.poll() is None, self.server.output
        wait_until(lambda: set(self.server.children()) >= CHILDREN, seconds=START_S, what="every child")
        return process

    @property
    def is_serving(self) -> bool:
        return "A first API key" in self.server.output

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, self.server.output

    def pid(self, child: str) -> int:
        return self.server.children()[child]

    def kill(self, child: str) -> int:
        """kill -9; the pid it had."""
        pid = self.pid(child)
        os.kill(pid, signal.SIGKILL)
        return pid

    def is_answering(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=START_S).status_code == 200
        except httpx.HTTPError:
            return False

    # --- commands ------------------------------------------------------------------------------
    def manage(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=self.server.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def python(self, code: str) -> str:
        return self.manage("shell", "--no-imports", "-c", code)

    def apply(self, models: Sequence[dict[str, Any]], *, enable: bool = True) -> None:
        """The models' `upstream` is the simulator's model with its switches."""
        self.documents += 1
        path = Path(f"{self.server.folder}-{self.documents}.yaml")
        path.write_text(yaml.safe_dump({"models": [self.document(**model) for model in models]}), encoding="utf-8")
        self.manage("registry_apply", str(path), *(["--enable"] if enable else []))

    def document(self, *, name: str, upstream: str, kind: str = "llm", **fields: Any) -> dict[str, Any]:
        endpoint = {"vendor": "openai_compatible", "inference_url": f"{self.upstream.url}/v1", "model": upstream}
        return {"name": name, "kind": kind, "price": {"input": "2", "output": "8"}, "endpoints": [endpoint], **fields}

    def prepare(self, models: Sequence[dict[str, Any]], *, user: str = "alice", keys: int = 1) -> list[str]:
        """Models enabled, a user created; the user's keys, which the running server knows."""
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self.user, user, keys=keys)
            if models:
                self.apply(models)
            made = coming.result()
        wait_until(lambda: all(self.is_known(key) for key in made), seconds=2, what="a new key's first call")
        return made

    def user(self, name: str, *, keys: int = 1) -> list[str]:
        self.manage("user_create", name, PASSWORD)
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda n: self.manage("key_create", name, "--name", f"key {n}"), range(keys)))

    def is_known(self, key: str) -> bool:
        return httpx.get(f"{self.url}/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200

    def check_ledger(self) -> None:
        assert "every invariant holds" in self.manage("ledger_check")

    # --- the database, seen from outside ---------------------------------------------------------
    @property
    def database_url(self) -> str:
        return self.server.environment.get("DATABASE_URL", "")

    @contextmanager
    def reading(self) -> Iterator[Query]:
        """Each query sees what is committed by then."""
        connection: Any = (
            psycopg.connect(self.database_url, autocommit=True)
            if self.database_url
            else sqlite3.connect(self.server.folder / "console.sqlite3", isolation_level=None, timeout=30)
        )
        try:
            yield lambda query: connection.execute(query).fetchall()
        finally:
            connection.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.reading() as read:
            return read(query)

    def clerks(self) -> list[int]:
        """Ids of every clerk there ever was, newest last."""
        return [row[0] for row in self.rows("SELECT id FROM billing_writer WHERE kind = 'clerk' ORDER BY id")]

    def open_holds(self, writers: Sequence[int] | None = None) -> int:
        only = f" WHERE writer_id IN ({', '.join(map(str, writers))})" if writers is not None else ""
        return int(self.rows(f"SELECT count(*) FROM billing_hold{only}")[0][0])  # noqa: S608 - numbers

    def charges(self) -> dict[str, int]:
        """What the transfers took from wallets, by request; billing's own check is not asked."""
        amounts: dict[str, int] = {}
        query = (
            "SELECT t.id, t.amount_nano FROM billing_transfer t JOIN billing_account a ON a.id = t.debit_id"
            " WHERE t.kind IN ('post', 'direct') AND a.workspace_id IS NOT NULL"
        )
        for transfer_id, amount in self.rows(query):
            request_id = transfer_id.split("/")[0]
            amounts[request_id] = amounts.get(request_id, 0) + amount
        return amounts

    def records(self) -> dict[str, tuple[str, int, int]]:
        """Outcome, charged and completion tokens by request."""
        query = "SELECT request_id, outcome, cost_nano - uncollected_nano, completion_tokens FROM billing_usagerecord"
        return {row[0]: (row[1], row[2], row[3]) for row in self.rows(query)}

    def available_nano(self, username: str) -> int:
        return self.available()[username]

    def available(self) -> dict[str, int]:
        """Trial and paid less open holds, by user."""
        return {name: int(amount) for name, amount in self.rows(AVAILABLE)}
