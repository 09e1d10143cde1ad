"""How a model's process ends: never later than its deadline, and never after its parent."""

import os
import signal
import threading
import time

PARENT_POLL_S = 0.5


def follow_parent(parent_pid: int) -> None:
    """Sends this process SIGTERM once `parent_pid` is no longer its parent.

    The pid is polled because Linux's PDEATHSIG follows the parent's thread, which may be a short-lived one.
    """
    threading.Thread(target=_watch, args=(parent_pid,), name="follow-parent", daemon=True).start()


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(PARENT_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)


def exit_within(seconds: float) -> None:
    """Leaves at the latest in `seconds`: a call in native code can be neither cancelled nor waited for."""
    timer = threading.Timer(seconds, os._exit, args=(0,))
    timer.daemon = True
    timer.start()
