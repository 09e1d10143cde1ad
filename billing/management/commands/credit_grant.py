from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from accounts.models import User
from accounts.money import MAX_NANO, MoneyError, nano_to_yuan, yuan_to_nano
from accounts.selectors import workspace_personal
from billing.selectors import balance_of
from billing.services import credit_grant


class Command(BaseCommand):
    help = "Grants credit to a user's paid wallet."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("yuan", help="a plain decimal such as 12.50")
        parser.add_argument("--reason", required=True, help="stands on the transfer and in the audit trail")

    def handle(self, *args: Any, username: str, yuan: str, reason: str, **options: Any) -> None:
        try:
            workspace = workspace_personal(user=User.objects.get(username=username))
            amount_nano = yuan_to_nano(yuan)
        except User.DoesNotExist as error:
            raise CommandError(f"there is no user {username!r}") from error
        except MoneyError as error:
            raise CommandError(str(error)) from error
        if not amount_nano:
            raise CommandError("the amount must be more than 0")
        if not reason.strip():
            raise CommandError("--reason must say why")
        try:
            credit_grant(workspace=workspace, amount_nano=amount_nano, reason=reason, actor="command")
        except IntegrityError as error:
            raise CommandError(f"a wallet holds at most {nano_to_yuan(MAX_NANO)} yuan of credit in all") from error
        available = balance_of(workspace=workspace).available_nano
        self.stdout.write(
            f"granted {nano_to_yuan(amount_nano)} yuan to {username}; available {nano_to_yuan(available)}"
        )
