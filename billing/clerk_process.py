"""The clerk in a process of its own: the command `clerk FD DATABASE`, started by `billing.remote_clerk`.

Beside a busy event loop a thread that books loses the interpreter's lock at every statement and is long in
getting it back; here it has an interpreter to itself (docs/performance.md has the figures). The process lives
as long as the socket it was given: when the other end is gone it books what it has read, signs off and ends.
"""

import gc
import signal
import socket

from django.db import connection

from billing.clerk import Clerk

GARBAGE_THRESHOLDS = (20_000, 20, 20)  # new containers before a look; a request makes a few hundred


def startup_freeze() -> None:
    """What was loaded at the start stays: the garbage collector need not walk through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def run(descriptor: int, database: str) -> None:
    # The terminal's Ctrl-C and a service manager's SIGTERM are for the gateway, which closes the socket when done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    connection.settings_dict["NAME"] = database  # the gateway's own, whatever the environment says
    startup_freeze()
    Clerk(socket.socket(fileno=descriptor)).run()
