"""The whole server on one machine: `make run` ends here."""

import http.client
import os
import socket
import sys
import threading
import time
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from console.local_children import local_child, models_usable
from console.local_record import LocalRecord
from console.messages import messages_compile
from console.onboarding import admin_ensure
from console.processes import (
    SIMULATOR_HOST,
    StartRefused,
    clock_child,
    data_dir_lock,
    listener_open,
    listener_refuse,
    simulator_child,
    web_children,
    worker_child,
)
from console.supervisor import Child, Supervisor

WEB_LOOK_EVERY_S = 0.1
REFUSE_AFTER_S = 0.5


class Command(BaseCommand):
    help = "Runs web, worker, clock and the upstreams we ship on this machine until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--web-only", action="store_true", help="web alone: `prepare`, worker and beat are run elsewhere"
        )

    def handle(self, *args: Any, web_only: bool, **options: Any) -> None:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        try:
            with data_dir_lock(settings.DATA_DIR), listener_open(settings.HOST, settings.PORT) as listener:
                web_is_up = threading.Event()
                others = [] if web_only else self.prepared(web_is_up)
                connections.close_all()
                threading.Thread(target=self.announce, args=(web_is_up,), daemon=True).start()
                children = [*web_children(listener), *others]
                Supervisor(children, folder=settings.BASE_DIR, environment=child_environment()).run(
                    on_stop=lambda: self.stopping(listener)
                )
        except StartRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.say("Stopped.")

    def prepared(self, web_is_up: threading.Event) -> list[Child]:
        """Database and translations made ready, and the children beside the web."""
        messages_compile()
        call_command("migrate", verbosity=0, interactive=False)
        self.say(f"Model Console starts with its data in {settings.DATA_DIR}")
        self.say(admin_ensure())
        self.say(networks_text())
        children = [worker_child(), clock_child(web_is_up.is_set), *self.local_children(web_is_up)]
        return [*children, *self.simulators()]

    def simulators(self) -> list[Child]:
        """One, where SIMULATOR_PORT asks for it."""
        if not settings.SIMULATOR_PORT:
            return []
        child = simulator_child()
        self.say(
            f"Simulator: http://{SIMULATOR_HOST}:{settings.SIMULATOR_PORT}/v1 speaks every dialect and every fault"
        )
        return [child]

    def local_children(self, web_is_up: threading.Event) -> list[Child]:
        """They start after the web does: loading four models takes both cores for some seconds."""
        usable = models_usable(self.say)
        record = LocalRecord(settings.DATA_DIR / "local_models.json")

        def look_after() -> None:
            web_is_up.wait()
            # Imported late: it brings half a second of packages that nobody needs until now.
            import_module("console.local_upstreams").look_after(usable, record, self.say)

        if usable:
            threading.Thread(target=look_after, name="local-models", daemon=True).start()
        return [local_child(model, record, web_is_up.is_set) for model in usable]

    def announce(self, web_is_up: threading.Event) -> None:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104 - not bound here
        while not answers(host, settings.PORT):
            time.sleep(WEB_LOOK_EVERY_S)
        web_is_up.set()
        self.say(f"Serving http://{f'[{host}]' if ':' in host else host}:{settings.PORT}  (Ctrl-C stops)")
        self.say(f"A first API key: {key_command()}")

    def stopping(self, listener: socket.socket) -> None:
        # A moment later, when the web process has left the socket and takes no notice any more.
        timer = threading.Timer(REFUSE_AFTER_S, listener_refuse, args=[listener])
        timer.daemon = True
        timer.start()
        self.say("Stopping: open requests are finished first; Ctrl-C again stops at once.")

    def say(self, text: str) -> None:
        with suppress(OSError, ValueError):  # nobody may be reading any more, and that stops nothing
            self.stdout.write(text)
            self.stdout.flush()


def networks_text() -> str:
    private = ", ".join(settings.ALLOWED_PRIVATE_NETWORKS) or "none"
    return f"Upstreams: public addresses, and of the private ones {private} (ALLOWED_PRIVATE_NETWORKS)"


def key_command() -> str:
    python = Path(sys.executable)
    if python.is_relative_to(settings.BASE_DIR):
        python = python.relative_to(settings.BASE_DIR)
    elsewhere = f"DATA_DIR={settings.DATA_DIR} " if "DATA_DIR" in os.environ else ""
    return f"{elsewhere}{python} manage.py key_create {settings.ADMIN_USERNAME} --name first"


def answers(host: str, port: int) -> bool:
    """Any answer will do: the port is ours, so whoever speaks is the web process."""
    with closing(http.client.HTTPConnection(host, port, timeout=60)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False


def child_environment() -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "console.settings"}
