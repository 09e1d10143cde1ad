"""The settings page: the user, the workspace, where the user is signed in, and how the server is set up."""

import platform
from importlib.metadata import version
from typing import NamedTuple

import django
from django.conf import settings as server
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import WorkspaceForm
from accounts.models import User
from accounts.selectors import workspace_personal
from accounts.services import workspace_rename
from accounts.sessions import session_note, sessions_end, sessions_of


class ServerFact(NamedTuple):
    """A setting of the server, as admins see it; secrets have no place here."""

    name: str
    value: str
    meaning: str


def user_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


@require_safe
@login_required
def settings(request: HttpRequest) -> HttpResponse:
    form = WorkspaceForm(initial={"name": workspace_personal(user=user_of(request)).name})
    return settings_page(request, form)


def settings_page(request: HttpRequest, form: WorkspaceForm, status: int = 200) -> HttpResponse:
    user = user_of(request)
    session_note(request)
    context = {
        "nav": "settings",
        "form": form,
        "sessions": sessions_of(user=user, current_key=request.session.session_key or ""),
        "server": server_facts() if user.is_staff else [],
    }
    return render(request, "accounts/settings.html", context, status=status)


@require_POST
@login_required
def workspace_name(request: HttpRequest) -> HttpResponse:
    user, form = user_of(request), WorkspaceForm(request.POST)
    if not form.is_valid():
        return settings_page(request, form, status=422)
    workspace = workspace_personal(user=user)
    workspace_rename(workspace=workspace, name=form.cleaned_data["name"], actor=user.username)
    messages.success(request, _("工作空间已改名"))
    return redirect("settings")


@require_POST
@login_required
def sessions_close(request: HttpRequest) -> HttpResponse:
    """One session where the form names it, else all but this one."""
    chosen = request.POST.get("session", "")
    pk = int(chosen) if chosen.isdecimal() and len(chosen) < 19 else None
    if chosen and pk is None:
        return redirect("settings")
    ended = sessions_end(user=user_of(request), but_key=request.session.session_key or "", pk=pk)
    messages.success(request, _("已结束 %(count)d 个会话") % {"count": ended})
    return redirect("settings")


def server_facts() -> list[ServerFact]:
    yes_or_no = _("开放") if server.SIGNUP_OPEN else _("不开放")
    database = "SQLite" if server.EMBEDDED else "PostgreSQL"
    seconds = {
        "UPSTREAM_CONNECT_TIMEOUT_S": _("连接上游最多等待"),
        "UPSTREAM_FIRST_BYTE_TIMEOUT_S": _("流式调用首字最多等待"),
        "UPSTREAM_IDLE_TIMEOUT_S": _("流式调用两段输出之间最多等待"),
        "UPSTREAM_TOTAL_TIMEOUT_S": _("一次调用总时长，含全部重试"),
        "HOLD_DEADLINE_S": _("预占最长保留"),
        "PROBE_INTERVAL_S": _("健康探测间隔"),
    }
    return [
        ServerFact("SIGNUP_OPEN", yes_or_no, _("新用户自行注册")),
        ServerFact("TRIAL_CREDIT_YUAN", f"¥{server.TRIAL_CREDIT_YUAN}", _("新工作空间的试用额度")),
        *(ServerFact(name, f"{getattr(server, name):g} s", meaning) for name, meaning in seconds.items()),
        ServerFact("MAX_BODY_MB", f"{server.MAX_BODY_MB:g} MB", _("请求体上限")),
        ServerFact(
            "ALLOWED_PRIVATE_NETWORKS",
            ", ".join(server.ALLOWED_PRIVATE_NETWORKS) or _("无"),
            _("可作为上游的内网地址"),
        ),
        ServerFact("PUBLIC_URL", server.PUBLIC_URL, _("客户端使用的地址")),
        ServerFact(
            _("版本"),
            f"{version('model-console')} · Django {django.__version__} · Python {platform.python_version()}",
            _("数据库 %(name)s") % {"name": database},
        ),
    ]
