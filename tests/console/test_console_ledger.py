"""账本校验: the word in the admin's top bar, the page behind it, and the button."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from billing.models import LedgerCheck
from console import ledger_page
from console.onboarding import user_onboard


@pytest.fixture(autouse=True)
def no_earlier_checks(database: None) -> Iterator[None]:
    LedgerCheck.objects.all().delete()
    yield
    LedgerCheck.objects.all().delete()


@pytest.fixture
def admin(database: None) -> Client:
    client = Client()
    user = User.objects.filter(username="ledger-admin").first() or user_onboard(
        username="ledger-admin", password="a long pass phrase"
    )
    User.objects.filter(pk=user.pk).update(is_staff=True)
    client.force_login(user)
    return client


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(ledger_page.ledger_check_now, "delay", lambda: sent.append("check"))
    return sent


def checked(*findings: str) -> LedgerCheck:
    now = timezone.now()
    return LedgerCheck.objects.create(
        started_at=now, finished_at=now, transfers=1234567, requests=9, findings=list(findings)
    )


def bar(client: Client) -> str:
    """The admin's top bar."""
    page = client.get("/models/").content.decode()
    return page[page.index('class="topbar"') : page.index("<main")]


def test_the_bar_is_grey_before_the_first_check(admin: Client) -> None:
    assert '<span class="status off">账本未校验</span>' in bar(admin)


def test_the_bar_is_green_with_the_time_of_the_check(admin: Client) -> None:
    check = checked()
    assert check.finished_at is not None
    time = timezone.localtime(check.finished_at).strftime("%H:%M")
    assert f'<span class="status ok">账本一致 · {time} 校验</span>' in bar(admin)


def test_the_bar_is_red_with_the_number_of_findings_and_leads_to_them(admin: Client) -> None:
    checked("first thing", "second <thing>")
    assert '<span class="status bad">账本 2 处不一致</span>' in bar(admin)
    assert 'href="/ledger/"' in bar(admin)
    page = admin.get("/ledger/").content.decode()
    assert "first thing" in page
    assert "second &lt;thing&gt;" in page
    assert "1,234,567" in page


def test_a_check_under_way_is_told_and_not_started_again(admin: Client, sent: list[str]) -> None:
    LedgerCheck.objects.create(started_at=timezone.now())
    assert "第一次校验正在进行" in admin.get("/ledger/").content.decode()
    assert admin.post("/ledger/check/")["Location"] == "/ledger/"
    assert sent == []


def test_the_button_sends_the_check_to_the_worker(admin: Client, sent: list[str]) -> None:
    assert admin.post("/ledger/check/")["Location"] == "/ledger/"
    assert sent == ["check"]
    assert LedgerCheck.objects.count() == 0  # the web process itself checks nothing


def test_the_ledger_is_for_admins(user: User, sent: list[str]) -> None:
    client = Client()
    assert client.get("/ledger/").status_code == 302
    client.force_login(user)
    assert client.get("/ledger/").status_code == 403
    assert client.post("/ledger/check/").status_code == 403
    assert "账本" not in client.get("/").content.decode()
    assert sent == []
