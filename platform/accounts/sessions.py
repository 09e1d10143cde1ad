"""Where a user is signed in: allauth notes address and browser of each sign-in, Django keeps the session itself."""

import re
from datetime import datetime
from typing import NamedTuple

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User

SHOWN_MAX = 50
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux")


class SignedIn(NamedTuple):
    """One sign-in that still counts."""

    pk: int
    key: str
    address: str
    agent: str
    since: datetime
    is_current: bool


def sessions_of(*, user: User, current_key: str) -> list[SignedIn]:
    """The current one first, then the newest. Two queries however many there are."""
    noted = list(UserSession.objects.filter(user=user).order_by("-created_at")[:SHOWN_MAX])
    alive = Session.objects.filter(session_key__in=[one.session_key for one in noted], expire_date__gt=timezone.now())
    mine = user.get_session_auth_hash()  # another password makes the old sessions worthless
    keys = {session.session_key for session in alive if session.get_decoded().get(HASH_SESSION_KEY) == mine}
    found = [
        SignedIn(
            one.pk,
            one.session_key,
            one.ip,
            agent_label(one.user_agent),
            one.created_at,
            one.session_key == current_key,
        )
        for one in noted
        if one.session_key in keys
    ]
    return sorted(found, key=lambda one: not one.is_current)


def session_note(request: HttpRequest) -> None:
    """The session in hand, should it be older than the notes."""
    if not UserSession.objects.filter(session_key=request.session.session_key).exists():
        UserSession.objects.create_from_request(request)


@transaction.atomic
def sessions_end(*, user: User, but_key: str, pk: int | None = None) -> int:
    """Ends one other session of the user, or all of them; never the one in hand. Returns how many ended."""
    others = UserSession.objects.filter(user=user).exclude(session_key=but_key)
    if pk is not None:
        others = others.filter(pk=pk)
    keys = list(others.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return len(keys)


def agent_label(user_agent: str) -> str:
    """Chrome · Windows; what is no browser keeps the first word of its name."""
    browser = next((name for mark, name in BROWSERS if re.search(rf"{mark}[/A-Z]", user_agent)), "")
    system = next((name for name in SYSTEMS if name in user_agent), "").replace("Macintosh", "macOS")
    found = " · ".join(part for part in (browser, system) if part)
    return found or user_agent.split("/")[0].split(" ")[0][:40] or "—"
