from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.services import model_enable
from models_registry.documents import DocumentError, registry_parse
from models_registry.services import RegistryError, registry_apply


class Command(BaseCommand):
    help = "Applies a YAML file of models: upsert by name, all or none; models it does not name stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--enable", action="store_true", help="probe and enable them; exit 1 if one does not")

    def handle(self, *args: Any, file: Path, enable: bool, **options: Any) -> None:
        try:
            document = registry_parse(file.read_text(encoding="utf-8"))
            models = registry_apply(document=document, actor="command")
        except (OSError, UnicodeDecodeError, DocumentError) as error:
            raise CommandError(f"{file}: {error}") from error
        self.stdout.write(f"applied {len(models)} models")
        failed = 0
        for model in models if enable else []:
            try:
                reason = model_enable(model=model, actor="command")
            except RegistryError as error:
                reason = str(error)
            failed += bool(reason)
            self.stdout.write(f"{model.name}: {f'not enabled: {reason}' if reason else 'enabled'}")
        if failed:
            raise CommandError(f"{failed} of {len(models)} models did not enable")
