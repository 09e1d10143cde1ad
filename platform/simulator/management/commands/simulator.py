"""`manage.py simulator --port 9000`: the upstream with every dialect and every fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from django.core.management.base import BaseCommand, CommandError

from simulator.certificates import TLS_HELP, Tls
from simulator.server import run

if TYPE_CHECKING:
    from argparse import ArgumentParser


PORT_MAX = 65_535


class Command(BaseCommand):
    help = "Serve an upstream that speaks every vendor's dialect and every fault."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, required=True, help="0 takes a free port")
        parser.add_argument("--host", default="127.0.0.1")

        parser.add_argument("--tls", choices=get_args(Tls), help=TLS_HELP)

    def handle(self, *args: Any, **options: Any) -> None:
        port = options["port"]
        if not 0 <= port <= PORT_MAX:
            raise CommandError(f"--port must be between 0 and {PORT_MAX}, not {port}")
        try:
            run(options["host"], port, self._announce, options["tls"])
        except OSError as error:
            raise CommandError(f"cannot listen on {options['host']}:{port}: {error.strerror}") from error

    def _announce(self, url: str) -> None:
        self.stdout.write(f"simulator listening on {url}")
        self.stdout.flush()
