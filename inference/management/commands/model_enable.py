from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.services import model_enable
from models_registry.models import Model
from models_registry.services import RegistryError


class Command(BaseCommand):
    help = "Probes a model and enables it when an endpoint answers."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            reason = model_enable(model=Model.objects.get(name=name), actor="command")
        except Model.DoesNotExist as error:
            raise CommandError(f"there is no model {name!r}") from error
        except RegistryError as error:
            raise CommandError(str(error)) from error
        if reason:
            raise CommandError(f"{name} was not enabled: {reason}")
        self.stdout.write(f"{name} enabled")
