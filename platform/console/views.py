"""Pages that see everything."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.money import nano_to_yuan
from accounts.selectors import api_keys_visible, workspace_personal
from billing.selectors import balance_of
from models_registry.models import Model


@login_required
def overview(request: HttpRequest) -> HttpResponse:
    """Balance, and the first steps towards a call."""
    user: Any = request.user
    balance = balance_of(workspace=workspace_personal(user=user))
    models = Model.objects.filter(state=Model.State.ENABLED).order_by("kind", "name")
    context = {
        "available": yuan(balance.available_nano),
        "trial": yuan(balance.trial_nano),
        "paid": yuan(balance.paid_nano),
        "held": yuan(balance.held_nano),
        "models": models[:50],
        "chat_model": next((model.name for model in models if model.kind == Model.Kind.LLM), "MODEL"),
        "keys": api_keys_visible(user=user).filter(revoked_at=None)[:5],
        "base_url": f"{settings.PUBLIC_URL}/v1",
    }
    return render(request, "console/overview.html", {**context, "nav": "overview"})


def yuan(nano: int) -> str:
    """Balances show two decimals, cut rather than rounded up: nobody is shown money they do not have."""
    whole, _, fraction = nano_to_yuan(nano).partition(".")
    return f"{int(whole):,}.{fraction[:2]}"
