"""Theme, density, language and the role in view: kept in cookies, so that they also hold before signing in."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

THEMES = ("auto", "light", "dark")
DENSITIES = ("normal", "compact")
ROLES = ("developer", "admin")
LANGUAGES = tuple(code for code, _ in settings.LANGUAGES)
CHOICES = {"theme": THEMES, "density": DENSITIES, "role": ROLES, settings.LANGUAGE_COOKIE_NAME: LANGUAGES}
YEAR_S = 365 * 86_400


def chosen(request: HttpRequest, name: str, allowed: tuple[str, ...]) -> str:
    value = request.COOKIES.get(name, "")
    return value if value in allowed else allowed[0]


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Sets what the form names, and goes back to where it came from."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    for name, allowed in CHOICES.items():
        value = request.POST.get(name)
        if value in allowed:
            response.set_cookie(name, value, max_age=YEAR_S, samesite="Lax", secure=request.is_secure())
    return response
