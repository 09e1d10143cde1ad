from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services import AccountError, api_key_by_prefix, api_key_revoke


class Command(BaseCommand):
    help = "Revokes the API key with this prefix; every worker refuses it within a second."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix")

    def handle(self, *args: Any, prefix: str, **options: Any) -> None:
        try:
            key = api_key_by_prefix(prefix=prefix)
        except AccountError as error:
            raise CommandError(str(error)) from error
        changed = api_key_revoke(key=key, actor="command")
        self.stdout.write(f"{key} {'revoked' if changed else 'was revoked before'}")
