"""账本校验: what the last check of the ledger found, and when it looked."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.check_runs import check_last, checks_latest, is_check_running
from billing.tasks import ledger_check_now
from inference.views.guards import admin_required

SHOWN = 12


@require_safe
@admin_required
def ledger(request: HttpRequest) -> HttpResponse:
    context = {
        "nav": "ledger",
        "last": check_last(),
        "checks": checks_latest(limit=SHOWN),
        "is_running": is_check_running(),
    }
    return render(request, "console/ledger.html", context)


@require_POST
@admin_required
def ledger_check(request: HttpRequest) -> HttpResponse:
    """Asks the worker; the page tells when it is done."""
    if not is_check_running():
        ledger_check_now.delay()
    messages.success(request, _("已开始校验，完成后刷新这一页查看"))
    return HttpResponseRedirect(reverse("ledger"))
