"""The console's own writes while the gateway is under load: does the clerk leave room for them?"""

import statistics
import subprocess
import sys
from types import TracebackType
from typing import Self

from benchmarks.rivals import ROOT

EVERY_S = 0.05
SCRIPT = f"""
import sys, time, threading
import django
django.setup()
from accounts.services import audit
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
while not stop.wait({EVERY_S}):
    began = time.perf_counter()
    audit(actor="bench", verb="bench.write", object="bench")
    print((time.perf_counter() - began) * 1000, flush=True)
"""


class ConsoleWriter:
    """Another process that writes an audit event every 50 ms and notes how long each took."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            cwd=ROOT,
            env={**environment, "DJANGO_SETTINGS_MODULE": "console.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.times_ms: list[float] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        output, _ = self.child.communicate("")
        self.times_ms = sorted(float(line) for line in output.splitlines())

    def summary(self) -> str:
        times = self.times_ms
        p95 = times[int(len(times) * 0.95)]
        return (
            f"console writes meanwhile: {len(times)}, p50 {statistics.median(times):.1f} ms, p95 {p95:.1f} ms,"
            f" max {times[-1]:.1f} ms"
        )
