"""A gateway's error code in the words of the page: what happened, and what to do."""

from typing import Any, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Words(NamedTuple):
    """`to` names the page where it can be mended."""

    what: Any
    hint: Any = ""
    to: str = ""
    action: Any = ""


ERRORS = {
    "insufficient_balance": Words(
        _("余额不足，没有生成回答"),
        _("降低 max_tokens，换用更便宜的模型，或联系管理员充值。"),
        "billing",
        _("查看账单"),
    ),
    "model_not_found": Words(_("模型已停用或不存在"), _("在下方换一个模型再发送。"), "catalogue", _("查看模型广场")),
    "model_unavailable": Words(_("模型暂时不可用，所有上游都在故障中"), _("稍后再试，或换一个模型。")),
    "rate_limit_exceeded": Words(_("超过了这个模型的速率限制"), _("稍等片刻再发送。")),
    "invalid_request_error": Words(_("上游不接受这次请求"), _("检查参数和提示词；带图片时，换一个能看图的模型再试。")),
    "request_too_large": Words(_("内容太长"), _("新建一个会话，或缩短提示词。")),
    "upstream_error": Words(_("上游出错，没有给出完整回答"), _("稍后再试，或换一个模型。")),
    "upstream_timeout": Words(_("上游超时"), _("稍后再试，或换一个模型。")),
    "ledger_unavailable": Words(_("账本暂时无法写入"), _("稍后再试。")),
    "interrupted": Words(_("生成被中断，服务在途中重启"), _("再发送一次；已生成的部分按用量计费。")),
    "internal_error": Words(_("网关内部出错，没有计费"), _("稍后再试，并把请求 ID 告诉管理员。")),
}
TRYOUT_ERRORS = ERRORS | {
    "insufficient_balance": Words(
        _("余额不足，没有调用模型"),
        _("减少文本，换用更便宜的模型，或联系管理员充值。"),
        "billing",
        _("查看账单"),
    ),
    "model_not_found": Words(_("模型已停用或不存在"), _("换一个模型再发送。"), "catalogue", _("查看模型广场")),
    "invalid_request_error": Words(_("上游不接受这次请求"), _("检查文本的数量和长度再试。")),
    "request_too_large": Words(_("内容太长"), _("缩短或减少文本。")),
    "upstream_error": Words(_("上游出错，没有给出结果"), _("稍后再试，或换一个模型。")),
    "unreadable_reply": Words(_("模型的回复无法显示"), _("调用已完成并计费，换一个模型再试。")),
    "interrupted": Words(_("调用被中断，服务在途中重启"), _("再发送一次。")),
}


def words_for(code: str) -> Words:
    return ERRORS.get(code, ERRORS["internal_error"])


def tryout_words(code: str) -> Words:
    """A process that died amid the call left no code."""
    return TRYOUT_ERRORS.get(code or "interrupted", ERRORS["internal_error"])


def thought_words(thinking_ms: int, *, is_over: bool) -> str:
    """The one line of a folded thinking block."""
    words = gettext("思考了 {seconds} 秒") if is_over else gettext("正在思考，{seconds} 秒")
    return words.format(seconds=f"{thinking_ms / 1000:.{2 if thinking_ms < 1000 else 1}f}")
