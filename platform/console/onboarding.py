"""New users with everything they need: workspace, wallets, trial credit."""

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
