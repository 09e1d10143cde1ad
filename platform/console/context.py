"""What the frame of every page shows: who, whose money, which theme. Read only when a page asks for it."""

from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from accounts.money import yuan_to_nano
from accounts.selectors import api_keys_visible, workspace_personal
from billing.check_runs import check_last
from billing.models import LedgerCheck
from billing.selectors import balance_of
from console.preferences import DENSITIES, THEMES, chosen
from models_registry.samples import this_site
from models_registry.selectors import count_enabled, count_unhealthy


class Shell:
    """The counts beside the navigation and the balance above: a query each, at the first look."""

    def __init__(self, request: HttpRequest) -> None:
        assert isinstance(request.user, User)
        self.user = request.user
        self.workspace = workspace_personal(user=request.user)
        self.balance = balance_of(workspace=self.workspace)
        self.model_count = count_enabled()
        self.key_count = api_keys_visible(user=self.user).filter(revoked_at=None).count()

    @cached_property
    def ledger_check(self) -> LedgerCheck | None:
        return check_last()

    @property
    def unhealthy_count(self) -> int:
        return count_unhealthy()


def frame(request: HttpRequest) -> dict[str, Any]:
    """For the templates' context; cheap unless used."""
    is_admin = bool(getattr(request.user, "is_staff", False))
    return {
        "shell": SimpleLazyObject(lambda: Shell(request)),
        "role": request.COOKIES.get("role", "admin") if is_admin else "developer",
        "theme": chosen(request, "theme", THEMES),
        "density": chosen(request, "density", DENSITIES),
        "base_url": this_site().base_url,  # what an OpenAI client is given
        "public_url": settings.PUBLIC_URL,
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "signup_open": settings.SIGNUP_OPEN,
        "trial_nano": yuan_to_nano(settings.TRIAL_CREDIT_YUAN),
    }
