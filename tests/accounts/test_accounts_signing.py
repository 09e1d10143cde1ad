"""Signing up, in and out; passwords; and that no page of allauth's is left unstyled."""

import re

import pytest
from allauth.account.internal.userkit import user_field
from django.core import mail
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from accounts.models import User

PHRASE = "a long pass phrase"
OPEN = ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/password/reset/done/"]
OPEN += ["/accounts/password/reset/key/done/", "/accounts/password/reset/key/1-nonsense/", "/accounts/inactive/"]
OPEN += ["/accounts/confirm-email/", "/accounts/confirm-email/nonsense/"]
SIGNED_IN = ["/accounts/password/change/", "/accounts/email/", "/accounts/logout/", "/accounts/reauthenticate/"]


@pytest.fixture
def client(database: None) -> Client:
    return Client()


def is_ours(page: str) -> bool:
    return "css/tokens.css" in page and "css/account.css" in page and "Menu:" not in page


@pytest.mark.parametrize("path", OPEN)
def test_every_page_before_signing_in_is_styled(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert is_ours(answer.content.decode())


@pytest.mark.parametrize("path", SIGNED_IN)
def test_every_page_after_signing_in_is_styled(browser: Client, path: str) -> None:
    answer = browser.get(path, follow=True)
    assert answer.status_code == 200
    assert is_ours(answer.content.decode())


def test_what_has_no_page_of_ours_takes_our_layout(client: Client) -> None:
    for name in ("account/base_entrance.html", "account/base_manage.html", "account/base_confirm_code.html"):
        assert "css/tokens.css" in get_template(name).render({"verify_form": []})


def test_a_name_that_is_taken_is_said_at_the_field_and_what_was_typed_stays(client: Client, user: User) -> None:
    words = {"username": user.username, "email": "a@example.com", "password1": PHRASE, "password2": PHRASE}
    page = client.post("/accounts/signup/", words).content.decode()
    field = page[page.index("id_username") :]
    assert "has-error" in page
    assert 'role="alert"' in field
    assert f'value="{user.username}"' in page
    assert 'value="a@example.com"' in page


def test_a_short_password_is_refused_at_its_field(client: Client) -> None:
    page = client.post("/accounts/signup/", {"username": "shorty", "password1": "abc", "password2": "abc"})
    assert not User.objects.filter(username="shorty").exists()
    assert re.search(r'id_password1.*?class="error"', page.content.decode(), re.DOTALL)


def test_who_signs_in_with_an_e_mail_address_lands_on_the_overview(client: Client) -> None:
    words = {"username": "mailer", "email": "mailer@example.com", "password1": PHRASE, "password2": PHRASE}
    assert client.post("/accounts/signup/", words)["Location"] == "/"
    other = Client()
    answer = other.post("/accounts/login/", {"login": "mailer@example.com", "password": PHRASE})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_a_sign_in_returns_to_where_it_was_asked_for_and_nowhere_else(client: Client, user: User) -> None:
    words = {"login": user.username, "password": PHRASE}
    assert client.post("/accounts/login/?next=/keys/", {**words, "next": "/keys/"})["Location"] == "/keys/"
    away = Client().post("/accounts/login/", {**words, "next": "https://evil.example/"})
    assert away["Location"] == "/"


def test_a_closed_console_says_so_where_one_would_sign_up(client: Client, settings: Settings) -> None:
    settings.SIGNUP_OPEN = False
    assert "注册已关闭" in client.get("/accounts/signup/").content.decode()
    assert reverse("account_signup") not in client.get("/accounts/login/").content.decode()


def test_the_sign_up_page_names_the_trial_credit(client: Client) -> None:
    assert "¥40.00" in client.get("/accounts/signup/").content.decode()


def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(client: Client, user: User) -> None:
    user_field(user, "email", f"{user.username}@example.com", commit=True)
    client.post("/accounts/password/reset/", {"email": user.email})
    found = re.search(r"http://\S+(/accounts/password/reset/key/\S+)", mail.outbox[-1].body)
    assert found is not None
    form = client.get(found[1], follow=True)
    page = form.content.decode()
    assert is_ours(page)
    new = {"password1": "another long phrase", "password2": "another long phrase"}
    assert client.post(form.redirect_chain[-1][0], new)["Location"] == "/accounts/password/reset/key/done/"
    assert "链接已失效" in Client().get(found[1], follow=True).content.decode()
    user.refresh_from_db()
    assert user.check_password("another long phrase")


def test_an_unknown_address_gets_the_same_answer_as_a_known_one(client: Client) -> None:
    answer = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    assert answer["Location"] == "/accounts/password/reset/done/"


def test_a_wrong_old_password_is_said_at_its_field(browser: Client) -> None:
    new = {"oldpassword": "wrong", "password1": "another long phrase", "password2": "another long phrase"}
    page = browser.post("/accounts/password/change/", new).content.decode()
    assert re.search(r'id_oldpassword.*?class="error"', page, re.DOTALL)


def test_guessing_passwords_is_slowed_down(settings: Settings, user: User) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    client = Client(REMOTE_ADDR=f"192.0.2.{user.pk % 200}")
    for _ in range(6):
        client.post("/accounts/login/", {"login": user.username, "password": "wrong"})
    page = client.post("/accounts/login/", {"login": user.username, "password": PHRASE}).content.decode()
    assert "失败次数太多" in page


def test_the_first_address_is_the_primary_one(browser: Client, user: User) -> None:
    address = f"{user.username}@first.example"
    answer = browser.post("/accounts/email/", {"action_add": "", "email": address}, follow=True)
    assert address in answer.content.decode()
    user.refresh_from_db()
    assert user.email == address
    assert address in browser.get("/settings/").content.decode()
    browser.post("/accounts/email/", {"action_add": "", "email": f"{user.username}@second.example"})
    user.refresh_from_db()
    assert user.email == address


def test_an_address_that_is_none_is_said_at_its_field(browser: Client) -> None:
    page = browser.post("/accounts/email/", {"action_add": "", "email": "not an address"}).content.decode()
    assert 'class="error"' in page
    assert 'value="not an address"' in page


def test_errors_are_in_our_words(client: Client, user: User) -> None:
    page = client.post("/accounts/login/", {"login": user.username, "password": "wrong"}).content.decode()
    assert "用户名或密码不正确。" in page
    words = {"username": user.username, "password1": "abc", "password2": "abc"}
    page = client.post("/accounts/signup/", words).content.decode()
    assert "这个用户名已有人使用" in page
    assert "密码至少 8 个字符。" in page
    words = {"username": "resembling", "password1": "resembling1", "password2": "resembling1"}
    assert "太相似" in client.post("/accounts/signup/", words).content.decode()


def test_what_is_missing_forged_or_too_much_is_said_on_a_page_of_ours(user: User) -> None:
    client = Client(enforce_csrf_checks=True)
    for answer, status, words in (
        (client.get("/no/such/page/"), 404, "没有这一页"),
        (client.post("/accounts/login/", {"login": user.username, "password": PHRASE}), 403, "表单已过期"),
    ):
        assert answer.status_code == status
        assert is_ours(answer.content.decode())
        assert words in answer.content.decode()


def test_too_many_requests_end_on_a_page_of_ours(database: None, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {}
    client = Client(REMOTE_ADDR="198.51.100.1")
    for _ in range(25):
        answer = client.post("/accounts/password/reset/", {"email": "nobody@example.com"})
    assert answer.status_code == 429
    assert is_ours(answer.content.decode())
