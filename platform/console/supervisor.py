"""Child processes: started, started again when they die, stopped in order, never left behind."""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import FrameType

logger = logging.getLogger(__name__)

POLL_S = 0.1
SOON_S = 5.0  # a child that lived for less died "again"
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 10.0
IMPATIENCE_S = 0.5  # `timeout` and some shells deliver one Ctrl-C twice

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: nothing may be imported after a fork


@dataclass(slots=True)
class Backoff:
    """How long to wait before what died is started again: not at all, unless it keeps dying at once."""

    quick_deaths: int = 0

    def delay_s(self, *, lived_s: float) -> float:
        self.quick_deaths = 0 if lived_s >= SOON_S else self.quick_deaths + 1
        if self.quick_deaths <= 1:
            return 0.0
        return float(min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** (self.quick_deaths - 2)))


@dataclass(slots=True)
class Child:
    """One child. `command` is asked at every start; children are stopped by rising `stop_rank`."""

    name: str
    command: Callable[[], Sequence[str]]
    stop_rank: int
    stop_s: float  # from SIGTERM to SIGKILL
    may_start: Callable[[], bool] = lambda: True
    pass_fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    backoff: Backoff = field(default_factory=Backoff)
    started_at: float = 0.0
    start_due_at: float = 0.0

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs in the main thread: only there do signals arrive, and only its end ends the children (see `tie`)."""

    def __init__(self, children: Iterable[Child], *, folder: Path, environment: Mapping[str, str]) -> None:
        self.children = sorted(children, key=lambda child: child.stop_rank)
        self.folder = folder
        self.environment = dict(environment)
        self.first_signal_at: float | None = None
        self.impatient = False

    def run(self, *, on_stop: Callable[[], None]) -> None:
        """Until SIGINT, SIGTERM or SIGHUP; `on_stop` is called before the first child is stopped."""
        before = {number: signal.signal(number, self.note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            while self.first_signal_at is None:
                for child in self.children:
                    self.tend(child)
                time.sleep(POLL_S)
            on_stop()
            for _, group in groupby(self.children, key=lambda child: child.stop_rank):
                self.stop(list(group))
        finally:
            self.kill_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.first_signal_at is None:
            self.first_signal_at = now
        elif number == signal.SIGINT and now > self.first_signal_at + IMPATIENCE_S:
            self.impatient = True

    def tend(self, child: Child) -> None:
        if child.is_alive:
            return
        now = time.monotonic()
        if child.process is not None:
            delay_s = child.backoff.delay_s(lived_s=now - child.started_at)
            logger.warning(
                "%s ended (%s); starting it again %s",
                child.name,
                exit_text(child.process.returncode),
                f"in {delay_s:g} s" if delay_s else "now",
            )
            child.process, child.start_due_at = None, now + delay_s
        if now >= child.start_due_at and child.may_start():
            self.start(child, now)

    def start(self, child: Child, now: float) -> None:
        parent_pid = os.getpid()
        child.started_at = now
        try:
            child.process = subprocess.Popen(  # noqa: S603 - our own commands
                list(child.command()),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                pass_fds=tuple(child.pass_fds),
                start_new_session=True,  # the terminal's Ctrl-C is for us alone
                preexec_fn=lambda: tie(parent_pid),
            )
        except (OSError, subprocess.SubprocessError) as error:
            child.start_due_at = now + BACKOFF_MAX_S
            logger.warning("%s did not start (%s); trying again in %g s", child.name, error, BACKOFF_MAX_S)

    def stop(self, group: Sequence[Child]) -> None:
        """SIGTERM to the group; SIGKILL to who is still there when its time, or the user's patience, is over."""
        began = time.monotonic()
        for child in group:
            if child.process is not None and child.is_alive:
                child.process.terminate()
        while alive := [child for child in group if child.is_alive]:
            for child in alive:
                if self.impatient or time.monotonic() > began + child.stop_s:
                    logger.warning("%s is still running; killing it", child.name)
                    kill(child)
            time.sleep(POLL_S / 2)

    def kill_all(self) -> None:
        for child in self.children:
            kill(child)


def kill(child: Child) -> None:
    if child.process is None:
        return
    with suppress(ProcessLookupError):
        child.process.kill()
    child.process.wait()


def tie(parent_pid: int) -> None:
    """In the child, before exec: the kernel kills it when the thread that forked it ends, however that ends."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_pid:  # it ended before we asked
            os._exit(1)


def exit_text(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
