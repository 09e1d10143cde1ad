"""What `user_activate` and `user_deactivate` share."""

from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services import user_activity_set


class UserActivityCommand(BaseCommand):
    is_active: ClassVar[bool]
    word: ClassVar[str]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is no user {username}")
        changed = user_activity_set(user=user, is_active=self.is_active, actor="command")
        self.stdout.write(f"{user} {'' if changed else 'was '}{self.word}{'' if changed else ' before'}")
