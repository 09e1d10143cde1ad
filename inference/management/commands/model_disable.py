from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_registry.models import Model
from models_registry.services import model_disable


class Command(BaseCommand):
    help = "Disables a model; every worker stops serving it within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            model_disable(model=Model.objects.get(name=name), actor="command")
        except Model.DoesNotExist as error:
            raise CommandError(f"there is no model {name!r}") from error
        self.stdout.write(f"{name} disabled")
