"""Browsers and scripts that call, and users for them."""

from collections.abc import Callable
from itertools import count

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User, Workspace
from accounts.selectors import workspace_personal
from accounts.services import IssuedKey, api_key_create
from console.onboarding import user_onboard

serial = count(1)


@pytest.fixture(autouse=True)
def no_rate_limits(settings: Settings) -> None:
    """All tests call from one address; those about the limits set them to {} again, the defaults."""
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def browser(user: User) -> Client:
    """Signed in as `user`."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def stranger(database: None) -> User:
    return user_onboard(username=f"stranger-{next(serial)}", password="a long pass phrase")


@pytest.fixture
def make_key(user: User) -> Callable[..., IssuedKey]:
    def make(name: str = "a key", scope: str = "inference", owner: User = user) -> IssuedKey:
        workspace: Workspace = workspace_personal(user=owner)
        return api_key_create(user=owner, workspace=workspace, name=name, scope=scope)

    return make
