"""API keys: the list, a new one shown once, and revoking. Here because the last use is billing's to tell."""

import secrets
from typing import NamedTuple

from cryptography.fernet import InvalidToken
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import ApiKeyForm
from accounts.models import ApiKey, User
from accounts.paging import page_number, page_of
from accounts.selectors import api_key_revocable, api_keys_of, workspace_personal
from accounts.services import api_key_create, api_key_revoke
from billing.key_usage import KeysLastUsed, keys_last_used
from models_registry.catalogue import chat_model_suggested
from models_registry.samples import SHORT, Sample, example_call, samples_of, this_site
from models_registry.secret import fernet

PAGE_SIZE = 50
SHOWN_WITHIN_S = 300  # a new secret that nobody came to see is gone after this
TICKET_S = 86_400
SESSION_KEY = "new_api_keys"


class KeyRow(NamedTuple):
    """`last_used` is a moment, or None; then `used_before` says how far back was looked, None for never used."""

    key: ApiKey
    last_used: object
    used_before: object


def user_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@require_safe
@never_cache
@login_required
def keys(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    workspace = workspace_personal(user=user)
    page = page_of(api_keys_of(user=user, workspace=workspace), page_number(request), PAGE_SIZE)
    used = keys_last_used(workspace=workspace)
    secret = secret_take(request)
    context = {
        "nav": "keys",
        "page": page,
        "rows": [key_row(key, used) for key in page.rows],
        "secret": secret,
        "samples": first_call(secret) if secret else (),
    }
    return render(request, "accounts/keys.html", context)


def first_call(secret: str) -> list[Sample]:
    call = example_call("llm", chat_model_suggested() or "MODEL", stream=True)
    return samples_of(call, this_site(secret), SHORT)


def key_row(key: ApiKey, used: KeysLastUsed) -> KeyRow:
    earlier = used.since if used.since and key.created_at < used.since else None
    return KeyRow(key, used.by_key.get(key.pk), earlier)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def key_new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "accounts/key_new.html", {"nav": "keys", "form": empty_form()})
    form = ApiKeyForm(request.POST)
    if not form.is_valid():
        return render(request, "accounts/key_new.html", {"nav": "keys", "form": form}, status=422)
    user, ticket = user_of(request), form.cleaned_data["ticket"]
    if ticket and not cache.add(f"key-ticket:{user.pk}:{ticket}", 1, TICKET_S):
        return redirect("keys")  # the same form sent again: a double click, or the back button
    workspace = workspace_personal(user=user)
    name, scope = form.cleaned_data["name"], form.cleaned_data["scope"]
    issued = api_key_create(user=user, workspace=workspace, name=name, scope=scope)
    secret_put(request, issued.secret)
    return redirect("keys")


def empty_form() -> ApiKeyForm:
    return ApiKeyForm(initial={"ticket": secrets.token_urlsafe(16), "scope": ApiKey.Scope.INFERENCE})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def key_revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    user = user_of(request)
    try:
        key = api_key_revocable(user=user, workspace=workspace_personal(user=user), key_id=key_id)
    except ApiKey.DoesNotExist as error:
        raise Http404 from error
    if request.method != "POST":
        return render(request, "accounts/key_revoke.html", {"nav": "keys", "key": key})
    api_key_revoke(key=key, actor=user.username)
    messages.success(request, _("已停用密钥 %(name)s") % {"name": key.name})
    return redirect("keys")


# --- a new secret waits in the session, sealed, for the one page that shows it ---------------------
def secret_put(request: HttpRequest, secret: str) -> None:
    request.session[SESSION_KEY] = fernet().encrypt(secret.encode()).decode()


def secret_take(request: HttpRequest) -> str:
    """The secret, and never again; "" where there is none, or it waited too long."""
    if request.method != "GET" or SESSION_KEY not in request.session:
        return ""
    try:
        return fernet().decrypt(request.session.pop(SESSION_KEY), ttl=SHOWN_WITHIN_S).decode()
    except InvalidToken:
        return ""
