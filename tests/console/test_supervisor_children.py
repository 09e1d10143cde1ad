"""The supervisor's loop with small children: who is started, stopped and killed, in which order."""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from console.processes import StartRefused, data_dir_lock, listener_open, listener_refuse
from console.supervisor import Child, Supervisor

PATIENT = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('ready', 'w'); time.sleep(60)"
TELLING = (
    "import signal, sys, time;"
    "signal.signal(signal.SIGTERM, lambda *_: (open('ends', 'a').write(sys.argv[1]), sys.exit()));"
    "open('ready' + sys.argv[1], 'w'); time.sleep(60)"
)


def child(code: str, *arguments: str, rank: int = 0, stop_s: float = 5.0) -> Child:
    command = [sys.executable, "-c", code, *arguments]
    return Child(name=f"child {rank}", command=lambda: command, stop_rank=rank, stop_s=stop_s)


def run(children: Sequence[Child], folder: Path, *, ready: Sequence[str], signals: Sequence[int]) -> list[bool]:
    """Runs in this thread, the main one; another sends the signals once the children's files are there."""
    stops: list[bool] = []

    def send() -> None:
        until = time.monotonic() + 20
        while not all((folder / name).exists() for name in ready) and time.monotonic() < until:
            time.sleep(0.02)
        for number in signals:
            os.kill(os.getpid(), number)
            time.sleep(0.8)

    sender = threading.Thread(target=send)
    supervisor = Supervisor(children, folder=folder, environment=os.environ)
    sender.start()
    supervisor.run(on_stop=lambda: stops.append(True))
    sender.join()
    assert not any(one.is_alive for one in children)
    return stops


def test_children_are_stopped_by_rank(tmp_path: Path) -> None:
    children = [child(TELLING, "2", rank=2), child(TELLING, "0", rank=0), child(TELLING, "1", rank=1)]
    assert run(children, tmp_path, ready=["ready0", "ready1", "ready2"], signals=[signal.SIGTERM]) == [True]
    assert (tmp_path / "ends").read_text() == "012"


def test_a_child_that_ignores_sigterm_is_killed_in_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    run([child(STUBBORN, stop_s=0.5)], tmp_path, ready=["ready"], signals=[signal.SIGTERM])
    assert time.monotonic() - began < 10
    assert "killing it" in caplog.text


def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    run([child(STUBBORN, stop_s=60)], tmp_path, ready=["ready"], signals=[signal.SIGINT, signal.SIGINT])
    assert time.monotonic() - began < 10


def test_a_dead_child_is_started_again_and_said_in_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dies_once = (
        "import os, sys, time\n"
        "if os.path.exists('died'): open('ready', 'w'); time.sleep(60)\n"
        "open('died', 'w'); sys.exit(3)"
    )
    with caplog.at_level(logging.WARNING):
        run([child(dies_once)], tmp_path, ready=["ready"], signals=[signal.SIGTERM])
    assert [record.getMessage() for record in caplog.records] == ["child 0 ended (exit code 3); starting it again now"]


def test_a_command_that_does_not_exist_is_said_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = Child(name="ghost", command=lambda: ["/no/such/command"], stop_rank=0, stop_s=1)
    run([missing, child(TELLING, "1", rank=1)], tmp_path, ready=["ready1"], signals=[signal.SIGTERM])
    assert "ghost did not start" in caplog.text
    assert (tmp_path / "ends").read_text() == "1"


def test_a_child_waits_until_it_may_start(tmp_path: Path) -> None:
    held = Child(name="held", command=list, stop_rank=0, stop_s=1, may_start=lambda: False)
    run([held, child(TELLING, "1", rank=1)], tmp_path, ready=["ready1"], signals=[signal.SIGTERM])
    assert held.process is None


def test_a_data_folder_has_one_server(tmp_path: Path) -> None:
    with data_dir_lock(tmp_path), pytest.raises(StartRefused, match=f"pid {os.getpid()}"):
        data_dir_lock(tmp_path)
    data_dir_lock(tmp_path).close()


def test_a_taken_port_is_refused_with_a_way_out() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(StartRefused, match="choose another PORT"),
    ):
        listener_open("127.0.0.1", other.getsockname()[1])


def test_accepted_connections_send_small_answers_at_once() -> None:
    with (
        listener_open("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_callers_are_refused_at_a_stop_though_the_web_process_still_holds_the_socket() -> None:
    with listener_open("127.0.0.1", 0) as listener, listener.dup():
        address = listener.getsockname()
        listener_refuse(listener)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
