"""`manage.py up` as operators meet it: real processes, real kills."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from local_models.catalog import LOCAL_MODELS, missing_packages
from tests.console.conftest import ROOT, START_S, Server, free_port, wait_until

pytestmark = pytest.mark.slow

USUAL = {"console.web", "worker", "beat"}
PASSWORD = re.compile(r"^Admin: admin, password: (\S+)  \(shown this once\)$", re.MULTILINE)


def started(server: Server, **settings: str) -> subprocess.Popen[bytes]:
    process = server.start(**settings)
    wait_until(
        lambda: "A first API key" in server.output or process.poll() is not None, seconds=START_S, what="serving"
    )
    assert process.poll() is None, server.output
    wait_until(lambda: set(server.children()) >= USUAL, seconds=START_S, what="every child")
    return process


def stopped(process: subprocess.Popen[bytes], server: Server) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=25) == 0, server.output
    assert server.children() == {}


def test_the_first_run_makes_an_admin_and_the_second_says_no_password(server: Server) -> None:
    process = started(server)
    assert server.answers()
    assert f"Serving http://127.0.0.1:{server.port}" in server.output
    assert "127.0.0.0/8" in server.output
    assert len(PASSWORD.findall(server.output)) == 1
    stopped(process, server)

    process = server.start()
    took = wait_until(server.answers, seconds=START_S, what="serving")
    assert took < 15, "the second run installs and migrates nothing"
    assert "password" not in server.output
    stopped(process, server)


def test_a_given_password_is_used_and_never_printed(server: Server) -> None:
    process = started(server, ADMIN_USERNAME="boss", ADMIN_PASSWORD="correct horse battery")
    assert "Admin: boss, password: as ADMIN_PASSWORD says" in server.output
    assert "correct horse" not in server.output
    stopped(process, server)


@pytest.mark.parametrize("child", sorted(USUAL))
def test_a_killed_child_is_back_by_itself(server: Server, child: str) -> None:
    process = started(server)
    pid = server.children()[child]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.children().get(child, pid) != pid, seconds=10, what=f"a new {child}")
    wait_until(server.answers, seconds=START_S, what="serving")
    assert server.output.count("ended (SIGKILL); starting it again now") == 1
    stopped(process, server)


def test_callers_wait_while_the_web_process_is_replaced(server: Server) -> None:
    process = started(server)
    os.kill(server.children()["console.web"], signal.SIGKILL)
    time.sleep(0.2)
    assert httpx.get(f"http://127.0.0.1:{server.port}/healthz", timeout=START_S).text == "ok\n"
    stopped(process, server)


def test_a_killed_supervisor_takes_its_children_along_and_can_be_started_again(server: Server) -> None:
    for _ in range(3):
        process = started(server)
        process.kill()
        process.wait()
        wait_until(lambda: not server.children(), seconds=5, what="the end of the children")
    stopped(started(server), server)


def test_a_terminals_ctrl_c_stops_it_cleanly(server: Server) -> None:
    process = started(server)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=25) == 0
    assert server.output.rstrip().endswith("Stopped.")
    assert server.children() == {}


def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    process = started(server)
    second = refused(server, PORT=str(free_port()))
    assert f"another server (pid {process.pid}) is running on DATA_DIR {server.folder}" in second
    stopped(process, server)


def test_a_taken_port_is_said(server: Server) -> None:
    with socket.create_server(("127.0.0.1", server.port)):
        assert f"cannot listen on 127.0.0.1:{server.port}" in refused(server)


def test_the_simulator_comes_along_where_it_is_asked_for_and_is_replaced(server: Server) -> None:
    port = str(free_port())
    process = started(server, SIMULATOR_PORT=port)
    assert f"Simulator: http://127.0.0.1:{port}/v1" in server.output
    pid = wait_for_simulator(server, port)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.children().get("simulator", pid) != pid, seconds=10, what="a new simulator")
    wait_for_simulator(server, port)
    stopped(process, server)


def wait_for_simulator(server: Server, port: str) -> int:
    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/v1/models", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    wait_until(answers, seconds=START_S, what="the simulator's answer")
    return server.children()["simulator"]


def test_a_taken_port_of_the_simulator_is_said(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        words = f"cannot listen on 127.0.0.1:{port} (Address already in use): stop what does, or choose another SIM"
        assert words in refused(server, SIMULATOR_PORT=port)


def test_bad_settings_are_said_with_their_check(server: Server) -> None:
    assert "console.E001" in refused(server, HOLD_DEADLINE_S="5")


def refused(server: Server, **settings: str) -> str:
    """What it says on its way out with exit code 1."""
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    done = subprocess.run(
        command, env={**server.environment, **settings}, capture_output=True, text=True, timeout=START_S, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_local_models_come_up_and_are_enabled(server: Server) -> None:
    usable = {model for model in LOCAL_MODELS.values() if not missing_packages(model)}
    if not usable:
        pytest.skip("requirements-local-models.lock is not installed")
    process = started(server, LOCAL_MODELS="1")
    for model in usable:
        wait_until(
            lambda name=model.name: f"Local model {name} " in server.output, seconds=90, what=f"{model.name} to come up"
        )
    wait_until(lambda: enabled(server) == {model.name for model in usable}, seconds=90, what="enabling")
    stopped(process, server)


def enabled(server: Server) -> set[str]:
    code = (
        "from models_registry.models import Model;"
        "print(*Model.objects.filter(state='enabled').values_list('name', flat=True), sep='\\n')"
    )
    command = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "-c", code]
    done = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())
