from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services import AccountError
from console.onboarding import user_onboard


class Command(BaseCommand):
    help = "Creates a user with a workspace and trial credit."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("password")
        parser.add_argument("--admin", action="store_true", help="may import and switch models")

    def handle(self, *args: Any, username: str, password: str, admin: bool, **options: Any) -> None:
        try:
            user = user_onboard(username=username, password=password, is_admin=admin)
        except AccountError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"created {'admin' if user.is_staff else 'user'} {user.username}")
