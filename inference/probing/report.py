"""A staged probe's parts: the unsaved endpoint, its stages, what came of them, and the walk through them."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from inference.gateway.cleaning import without_secret
from inference.probing.findings import Findings
from inference.probing.probes import UNWRITABLE
from models_registry.vendors import VENDORS
from models_registry.vendors.base import KindSpec

WORDS_MAX = 600

State = Literal["waiting", "ok", "warning", "failed", "skipped"]
STAGES = ("resolve", "connect", "tls", "auth", "model", "call")


@dataclass(frozen=True, slots=True)
class Draft:
    """An endpoint as the form or an API document has it."""

    vendor: str
    kind: str
    inference_url: str
    upstream_model: str = ""
    api_key: str = field(default="", repr=False)
    auth: str = "bearer"
    stream_only: bool = False
    ca_certificates: str = ""

    @property
    def spec(self) -> KindSpec:
        return VENDORS[self.vendor].kinds[self.kind]

    @property
    def headers(self) -> dict[str, str]:
        if not self.api_key:
            return {}
        return {"Authorization": self.api_key if self.auth == "raw" else f"Bearer {self.api_key}"}


class Failure(NamedTuple):
    """`words` are the upstream's own, or the system's; `code` names what the console can explain."""

    words: str
    url: str = ""
    method: str = ""
    status: int | None = None
    code: str = ""


class StageFailed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.words)
        self.failure = failure


@dataclass(slots=True)
class Stage:
    """`facts` are named values; the page makes a sentence of them, the API gives them as they are."""

    name: str
    state: State = "waiting"
    duration_ms: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def reached(self) -> bool:
        return self.state != "waiting"


class Attempt(NamedTuple):
    """An address that was called, and the status it answered with (None: nothing whole came)."""

    url: str
    status: int | None


@dataclass(slots=True)
class Report:
    """`url` and `model` are what was called: the form may have changed since."""

    url: str
    model: str = ""
    stages: dict[str, Stage] = field(default_factory=lambda: {name: Stage(name) for name in STAGES})
    attempts: list[Attempt] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    reply: str = ""
    total_ms: int = 0

    @property
    def failed(self) -> Stage | None:
        return next((stage for stage in self.stages.values() if stage.state == "failed"), None)

    @property
    def passed_count(self) -> int:
        return sum(stage.state in ("ok", "warning", "skipped") for stage in self.stages.values())


@dataclass(slots=True)
class Walk:
    """What the stages hand on to each other."""

    draft: Draft
    report: Report
    until: float
    host: str = ""
    port: int = 0
    addresses: list[str] = field(default_factory=list)
    wire: socket.socket | None = None
    listed: list[str] | None = None

    def left(self, most_s: float) -> float:
        """Never nothing: a socket with a timeout of 0 would not wait at all."""
        return max(0.01, min(most_s, self.until - time.monotonic()))

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        stage = self.report.stages[name]
        stage.state, began = "ok", time.monotonic()
        try:
            yield stage
        finally:
            stage.duration_ms = elapsed_ms(began) if stage.reached else None

    def fail(self, name: str, failure: Failure) -> None:
        words = without_secret(UNWRITABLE.sub(" ", failure.words), self.draft.api_key)[:WORDS_MAX]
        self.report.stages[name].state = "failed"
        self.report.stages[name].failure = failure._replace(words=words)


def elapsed_ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
