"""Who may see a page."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django_htmx.middleware import HtmxDetails

from accounts.models import User

Rest = ParamSpec("Rest")


class AdminRequest(HttpRequest):
    user: User
    htmx: HtmxDetails


def admin_required(view: Callable[Concatenate[AdminRequest, Rest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Strangers sign in first, others are told that it is not for them."""

    @login_required
    @wraps(view)
    def guarded(request: Any, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
