"""Pages that see everything."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.selectors import workspace_personal
from console.overview import PERIODS, overview_of, recent_calls
from models_registry.samples import example_call, samples_of, this_site

SAMPLE_LANGUAGES = ("curl", "Python", "Node")


@login_required
def overview(request: HttpRequest) -> HttpResponse:
    """The whole page; only the latest calls, where the page asks for these; the first steps where nothing was done."""
    user: Any = request.user
    workspace = workspace_personal(user=user)
    recent = recent_calls(workspace=workspace)
    if request.GET.get("part") == "recent":
        return render(request, "console/overview_recent.html", {"recent": recent})
    days = days_chosen(request)
    seen = overview_of(user=user, workspace=workspace, days=days)
    site = this_site(f"{seen.keys[0].prefix}…" if seen.keys else "YOUR_KEY")
    samples = samples_of(example_call("llm", seen.chat_model or "MODEL"), site, SAMPLE_LANGUAGES)
    context = {"seen": seen, "recent": recent, "days": days, "samples": samples, "now": timezone.now()}
    page = "console/overview.html" if recent or seen.keys else "console/overview_first.html"
    return render(request, page, {**context, "workspace": workspace, "nav": "overview"})


def days_chosen(request: HttpRequest) -> int:
    text = request.GET.get("days", "")
    return int(text) if text in {str(days) for days in PERIODS} else 7
