"""Pages."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@login_required
def catalogue(request: HttpRequest) -> HttpResponse:
    return render(request, "app.html", {"nav": "catalogue"})
