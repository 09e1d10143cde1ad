"""Who asks: browsers that are signed in, and keys."""

from functools import cache
from itertools import count
from typing import Any

from django.test import Client

from accounts.models import ApiKey, User
from accounts.selectors import workspace_personal
from accounts.services import api_key_create
from console.onboarding import user_onboard

serial = count(1)


def person(*, is_admin: bool) -> User:
    return user_onboard(username=f"registry-user-{next(serial)}", password="a long pass phrase", is_admin=is_admin)


@cache
def usual(*, is_admin: bool) -> User:
    """One of each for the whole session: hashing a password takes its time."""
    return person(is_admin=is_admin)


def signed_in(*, is_admin: bool) -> Client:
    client = Client()
    client.force_login(usual(is_admin=is_admin))
    return client


class KeyClient:
    """JSON over a key, as a script speaks."""

    def __init__(self, user: User, scope: str = ApiKey.Scope.MANAGEMENT) -> None:
        self.client = Client()
        issued = api_key_create(user=user, workspace=workspace_personal(user=user), name="script", scope=scope)
        self.headers = {"Authorization": f"Bearer {issued.secret}"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        given = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(f"/api/v1{path}", headers=self.headers, **given)
