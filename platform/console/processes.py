"""The processes of one machine: web, worker, clock and the simulator, as commands."""

import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TextIO

from django.conf import settings

from console.supervisor import Child

WEB_RANK, WORKER_RANK, UPSTREAM_RANK = 0, 1, 2  # upstreams answer the last calls of the others
WEB_LIFESPAN_S = 35.0  # on top of DRAIN_TIMEOUT_S: the clerk's last settlements
UPSTREAM_STOP_S = 5.0
WORKER_STOP_S = 8.0  # a task cut off is found again by its lease
BACKLOG = 2048
SIMULATOR_HOST = "127.0.0.1"  # for this machine alone: whoever can call it can make it answer anything


class StartRefused(Exception):
    """It cannot be started here and now; the message says why and what to do."""


def data_dir_lock(folder: Path) -> TextIO:
    """The lock is held until the file is closed, which the kernel does for a killed process too."""
    file = (folder / "up.lock").open("a+", encoding="utf-8")
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        pid = file.read().strip() or "unknown"
        file.close()
        raise StartRefused(
            f"another server (pid {pid}) is running on DATA_DIR {folder}: stop it, or choose another DATA_DIR"
        ) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def listener_open(host: str, port: int) -> socket.socket:
    """The listening socket. It is ours, not the web process's: callers wait, unrefused, while that one is replaced."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise port_refused(host, port, error, setting="PORT") from error
    # uvicorn takes an inherited socket for a Unix one and leaves Nagle's algorithm on; connections inherit this.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def port_refused(host: str, port: int, error: OSError, *, setting: str) -> StartRefused:
    reason = (error.strerror or str(error)).partition(" (while")[0]  # Python repeats the address there
    return StartRefused(f"cannot listen on {host}:{port} ({reason}): stop what does, or choose another {setting}")


def listener_refuse(listener: socket.socket) -> None:
    """New callers are refused from now on. Closing would not do: the web process holds the socket until it ends."""
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)


def web_children(listener: socket.socket) -> list[Child]:
    """One process each, so that each is restarted by itself and none has children of its own."""
    command = [
        *(sys.executable, "-m", "console.web", "--fd", str(listener.fileno())),
        *("--timeout-graceful-shutdown", str(round(settings.DRAIN_TIMEOUT_S))),
    ]
    return [
        Child(
            name="web" if settings.WEB_WORKERS == 1 else f"web {number}",
            command=lambda: command,
            stop_rank=WEB_RANK,
            stop_s=settings.DRAIN_TIMEOUT_S + WEB_LIFESPAN_S,
            pass_fds=(listener.fileno(),),
        )
        for number in range(1, settings.WEB_WORKERS + 1)
    ]


def worker_child() -> Child:
    command = celery("worker", "--pool", "threads", "--concurrency", "8")
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return Child(name="worker", command=lambda: command, stop_rank=WORKER_RANK, stop_s=WORKER_STOP_S)


def clock_child(may_start: Callable[[], bool]) -> Child:
    """Beat, beside the worker and not inside it: `worker -B` forks a process that outlives a killed worker."""
    command = celery("beat", "--pidfile", "")
    return Child(
        name="clock", command=lambda: command, stop_rank=WORKER_RANK, stop_s=WORKER_STOP_S, may_start=may_start
    )


def simulator_child() -> Child:
    """Raises StartRefused: a child that cannot have its port would die again and again, and say little."""
    port = settings.SIMULATOR_PORT
    try:
        socket.create_server((SIMULATOR_HOST, port)).close()
    except OSError as error:
        raise port_refused(SIMULATOR_HOST, port, error, setting="SIMULATOR_PORT") from error
    command = [sys.executable, "-m", "simulator", "--host", SIMULATOR_HOST, "--port", str(port)]
    return Child(name="simulator", command=lambda: command, stop_rank=UPSTREAM_RANK, stop_s=UPSTREAM_STOP_S)


def celery(*arguments: str) -> list[str]:
    root = "ignore:You're running the worker with superuser privileges"  # in a container that is what happens
    head = [sys.executable, "-W", root, "-m", "celery", "--quiet", "-A", "console.celery"]
    return [*head, *arguments, "--loglevel", settings.LOG_LEVEL if settings.DEBUG else "WARNING"]
