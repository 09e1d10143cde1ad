from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import ApiKey, User
from accounts.selectors import workspace_personal
from accounts.services import AccountError, api_key_create


class Command(BaseCommand):
    help = "Makes an API key and prints it, alone, on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", required=True, help="a label to know the key by")
        parser.add_argument("--scope", default=ApiKey.Scope.INFERENCE, choices=ApiKey.Scope.values)

    def handle(self, *args: Any, username: str, name: str, scope: str, **options: Any) -> None:
        try:
            user = User.objects.get(username=username)
            issued = api_key_create(user=user, workspace=workspace_personal(user=user), name=name, scope=scope)
        except User.DoesNotExist as error:
            raise CommandError(f"there is no user {username!r}") from error
        except AccountError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(issued.secret)
