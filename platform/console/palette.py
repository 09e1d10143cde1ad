"""The command palette: models, things to do, places to go, for what was typed. Two queries for the models, at most."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from models_registry.catalogue import Entry, entries_matching

MODELS_MAX = 6
ACTIONS_FOR = 2  # the best matches are also offered as things to do
WORDS_MAX = 100


@dataclass(frozen=True)
class Place:
    """Somewhere to go. `words` are further ones it is found by."""

    label: Any
    url_name: str
    icon: str
    words: str
    is_for_admins: bool = False


PLACES = (
    Place(gettext_lazy("概览"), "overview", "layout-dashboard", "overview home 首页 余额"),
    Place(gettext_lazy("模型广场"), "catalogue", "blocks", "catalogue models 模型 价格"),
    Place(gettext_lazy("体验中心"), "playground", "message-square-text", "playground chat 对话"),
    Place(gettext_lazy("API 密钥"), "keys", "key-round", "api keys token 令牌"),
    Place(gettext_lazy("用量"), "usage", "chart-column", "usage 调用 tokens"),
    Place(gettext_lazy("账单"), "billing", "receipt-text", "billing money 费用 收据"),
    Place(gettext_lazy("文档"), "guide", "book-open", "guide docs 接入 帮助"),
    Place(gettext_lazy("设置"), "settings", "settings", "settings password session 密码 会话"),
    Place(gettext_lazy("模型管理"), "models", "boxes", "models admin 启用 停用", is_for_admins=True),
    Place(gettext_lazy("账本校验"), "ledger", "scale", "ledger check audit 一致", is_for_admins=True),
)
ACTIONS = (
    Place(gettext_lazy("新建 API 密钥"), "key_new", "plus", "new api key create 创建"),
    Place(gettext_lazy("更换密码"), "account_change_password", "lock", "password 修改"),
    Place(gettext_lazy("导入模型"), "model_import", "package-plus", "import model add 添加", is_for_admins=True),
    Place(gettext_lazy("从价目表导入"), "model_catalogs", "list-plus", "catalog price list 批量", is_for_admins=True),
    Place(gettext_lazy("批量导入"), "models_file", "file-up", "bulk yaml csv export 导出 文件", is_for_admins=True),
)


@dataclass(frozen=True)
class Row:
    """One line: a link with an icon, its text with the match marked, and for models the entry itself."""

    href: str
    icon: str
    text: SafeString
    entry: Entry | None = None


@dataclass(frozen=True)
class Group:
    label: str
    rows: list[Row]


@require_safe
@login_required
def palette(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("q", "").replace("\0", "").strip()[:WORDS_MAX]
    groups = palette_groups(words=words, is_admin=bool(getattr(request.user, "is_staff", False)))
    return render(request, "ui/palette_found.html", {"groups": groups, "words": words})


def palette_groups(*, words: str, is_admin: bool) -> list[Group]:
    """Groups with something in them. Without words there are only places and actions."""
    entries = entries_matching(words=words, limit=MODELS_MAX, is_admin=is_admin) if words else []
    entries.sort(key=lambda entry: not entry.is_callable)
    models = [model_row(entry, words) for entry in entries]
    actions = [row for entry in entries[:ACTIONS_FOR] for row in model_actions(entry, words, is_admin)]
    groups = [
        Group(_("模型"), models),
        Group(_("操作"), [*actions, *place_rows(ACTIONS, words, is_admin)]),
        Group(_("跳转"), place_rows(PLACES, words, is_admin)),
    ]
    return [group for group in groups if group.rows]


def model_row(entry: Entry, words: str) -> Row:
    return Row(reverse("catalogue_model", args=[entry.name]), "", marked(entry.name, words), entry)


def model_actions(entry: Entry, words: str, is_admin: bool) -> list[Row]:
    rows = []
    if entry.is_callable:
        text = format_html("{} {}", _("在体验中心打开"), marked(entry.name, words))
        rows.append(Row(f"{reverse('playground')}?model={quote(entry.name, safe='')}", "message-square-text", text))
    if is_admin:
        text = format_html("{} {}", _("管理"), marked(entry.name, words))
        rows.append(Row(f"{reverse('models')}?q={quote(entry.name, safe='')}", "boxes", text))
    return rows


def place_rows(places: tuple[Place, ...], words: str, is_admin: bool) -> list[Row]:
    wanted = words.casefold()
    return [
        Row(reverse(place.url_name), place.icon, marked(str(place.label), words))
        for place in places
        if (is_admin or not place.is_for_admins) and wanted in f"{place.label} {place.words}".casefold()
    ]


def marked(text: str, words: str) -> SafeString:
    """The first place where the words stand, whatever their case, between <mark>s; everything escaped."""
    at = text.lower().find(words.lower()) if words else -1
    if at < 0 or len(text.lower()) != len(text):
        return format_html("{}", text)
    end = at + len(words)
    return format_html("{}<mark>{}</mark>{}", text[:at], text[at:end], text[end:])
