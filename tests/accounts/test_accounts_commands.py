"""user_create, key_create and key_revoke: what they do, and in which words they refuse."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey, User


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_user_is_made_once_whatever_the_capitals(database: None) -> None:
    assert run("user_create", "王小明", "a long pass phrase") == "created user 王小明\n"
    run("user_create", "grace@example.com", "a long pass phrase")
    for taken in ("grace@example.com", "Grace@Example.com"):
        with pytest.raises(CommandError, match="is taken"):
            run("user_create", taken, "a long pass phrase")


@pytest.mark.parametrize("username", ["", "two words", "a/b", "u" * 151])
def test_a_username_nobody_could_sign_up_with_is_refused(database: None, username: str) -> None:
    with pytest.raises(CommandError, match="is no username: give it 1 to 150 letters"):
        run("user_create", username, "a long pass phrase")
    assert not User.objects.filter(username=username).exists()


def test_a_key_is_printed_alone_and_its_whole_secret_revokes_it(user: User) -> None:
    secret = run("key_create", user.username, "--name", "first").strip()
    key = ApiKey.objects.get(prefix=secret[:11])
    assert (key.user, key.name, key.scope) == (user, "first", "inference")
    assert run("key_revoke", secret).endswith(" revoked\n")
    assert run("key_revoke", secret[:11]).endswith(" was revoked before\n")


@pytest.mark.parametrize("label", ["", "  ", "n" * 101])
def test_a_label_must_say_something_and_not_too_much(user: User, label: str) -> None:
    with pytest.raises(CommandError, match="name must be a label of 1 to 100 characters"):
        run("key_create", user.username, "--name", label)
    assert not ApiKey.objects.filter(user=user).exists()


@pytest.mark.parametrize("prefix", ["", "sk-", "sk-ab"])
def test_what_names_no_key_revokes_none(user: User, prefix: str) -> None:
    run("key_create", user.username, "--name", "the only one")
    with pytest.raises(CommandError, match="too short to name a key"):
        run("key_revoke", prefix)
    assert not ApiKey.objects.filter(user=user).exclude(revoked_at=None).exists()
