from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from simulator_caller import trusting_all

SOURCE_ROOT = Path(__file__).parents[2] / "platform"
AS_MODULE = ["-m", "simulator"]
AS_COMMAND = [
    "-c",
    "import sys, django\n"
    "from django.conf import settings\n"
    "settings.configure(INSTALLED_APPS=['simulator'])\n"
    "django.setup()\n"
    "from django.core.management import execute_from_command_line\n"
    "execute_from_command_line(['manage.py', 'simulator', *sys.argv[1:]])",
]


@pytest.mark.parametrize("way", [AS_MODULE, AS_COMMAND], ids=["module", "command"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(way: list[str], number: signal.Signals) -> None:
    command = [sys.executable, "-W", "error", *way, "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().split()[-1]
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
        process.send_signal(number)
        _, errors = process.communicate(timeout=5)
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize("way", [AS_MODULE, AS_COMMAND], ids=["module", "command"])
def test_it_speaks_tls_when_told_to(way: list[str]) -> None:
    command = [sys.executable, "-W", "error", *way, "--port", "0", "--tls", "private"]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().split()[-1]
        context = trusting_all()
        context.load_verify_locations(cadata=httpx.get(f"{url}/_sim/ca.pem", verify=context, trust_env=False).text)
        context.verify_mode = ssl.CERT_REQUIRED
        assert httpx.get(f"{url}/healthz", verify=context, trust_env=False).json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


@pytest.mark.parametrize("port", ["-1", "65536", "taken"])
def test_a_port_it_cannot_have_is_named(port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        given = str(other.getsockname()[1]) if port == "taken" else port
        command = [sys.executable, *AS_COMMAND, "--port", given]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: ")
    assert given in done.stderr
