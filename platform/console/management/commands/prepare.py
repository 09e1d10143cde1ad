from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from console.messages import messages_compile
from console.onboarding import admin_ensure


class Command(BaseCommand):
    help = "Makes the database ready for `up --web-only`, worker and beat: tables, the admin, translations."

    def handle(self, *args: Any, **options: Any) -> None:
        messages_compile()
        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write(admin_ensure())
