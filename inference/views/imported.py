"""What is said after many models were imported at once."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from models_registry.importing.many import Imported

NAMED_MAX = 8


def imported_say(request: HttpRequest, done: Imported, *, will_enable: bool = False) -> None:
    count = len(done.models)
    if done.models and will_enable:
        messages.success(
            request, ngettext("已导入 %(count)d 个模型", "已导入 %(count)d 个模型", count) % {"count": count}
        )
    elif done.models:
        words = ngettext("已导入 %(count)d 个模型，未启用", "已导入 %(count)d 个模型，未启用", count)
        messages.success(request, words % {"count": count})
    if done.skipped:
        count = len(done.skipped)
        words = ngettext("跳过 %(count)d 个已存在的模型：%(names)s", "跳过 %(count)d 个已存在的模型：%(names)s", count)
        named = _("、").join(done.skipped[:NAMED_MAX]) + ("…" if count > NAMED_MAX else "")
        messages.error(request, words % {"count": count, "names": named})
