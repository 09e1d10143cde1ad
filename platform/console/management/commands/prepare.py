from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from console.onboarding import admin_ensure


class Command(BaseCommand):
    help = "Makes the database ready for `up --web-only`, worker and beat: tables and the admin."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write(admin_ensure())
