"""Shared fixtures.

The ledger's triggers refuse TRUNCATE and DELETE, so no test may clean up by flushing: tests that commit make
workspaces and models of their own, with names nobody else uses, and leave them.
"""

from collections.abc import Iterator
from itertools import count

import pytest
from django.db import connection
from django.test.utils import override_settings, setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from accounts.models import User, Workspace
from accounts.selectors import workspace_personal
from billing.services import credit_grant
from console.onboarding import user_onboard

serial = count(1)


@pytest.fixture(scope="session", autouse=True)
def passwords_are_hashed_quickly(django_test_environment: None) -> Iterator[None]:
    """The product's way takes a quarter of a second by design, and hundreds of tests make a user."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session")
def database(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, open to every thread until the session ends. Nothing in it is rolled back."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default"}, serialized_aliases=set())
        yield
        connection.close()
        teardown_databases(made, verbosity=0)


@pytest.fixture
def user(database: None) -> User:
    """A new user with ¥40 of trial credit."""
    return user_onboard(username=f"user-{next(serial)}", password="a long pass phrase")


@pytest.fixture
def workspace(user: User) -> Workspace:
    return workspace_personal(user=user)


@pytest.fixture
def rich(workspace: Workspace) -> Workspace:
    """¥40 of trial credit and ¥1,000 paid."""
    credit_grant(workspace=workspace, amount_nano=1000 * 10**9, reason="a test", actor="tests")
    return workspace
