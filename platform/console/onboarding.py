"""New users with everything they need: workspace, wallets, trial credit."""

import secrets

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.selectors import workspace_personal
from accounts.services import user_create
from billing.services import wallets_open


@transaction.atomic
def user_onboard(*, username: str, password: str, is_admin: bool = False) -> User:
    """Raises AccountError when the name is taken."""
    user = user_create(username=username, password=password, is_admin=is_admin)
    wallets_open(workspace=workspace_personal(user=user))
    return user


def admin_ensure() -> str:
    """Makes the admin where there is none, and says so: the password is shown here and never again."""
    username, password = settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD
    user = User.objects.filter(username=username).first()
    if user is not None:
        return f"Admin: {username}" if user.is_staff else f"The user {username} exists and is no admin"
    made = password or secrets.token_urlsafe(12)
    user_onboard(username=username, password=made, is_admin=True)
    shown = "as ADMIN_PASSWORD says" if password else f"{made}  (shown this once)"
    return f"Admin: {username}, password: {shown}"
