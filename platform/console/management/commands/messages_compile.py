from typing import Any

from django.core.management.base import BaseCommand

from console.messages import messages_compile


class Command(BaseCommand):
    help = "Makes the .mo files of the translations, where they are missing or older than their .po."

    def handle(self, *args: Any, **options: Any) -> None:
        made = messages_compile()
        self.stdout.write("\n".join(f"made {path}" for path in made) or "every translation is up to date")
