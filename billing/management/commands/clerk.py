from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from billing.clerk_process import run


class Command(BaseCommand):
    help = "A gateway's clerk, started by the gateway itself with a socket to talk over."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("descriptor", type=int)
        parser.add_argument("database")

    def handle(self, *args: Any, descriptor: int, database: str, **options: Any) -> None:
        run(descriptor, database)
