"""The guide: how to call, which client wants which address, what each error means."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from console.guide_vendors import vendor_words
from inference.gateway.errors import KINDS
from inference.gateway.native.speech import SERVICES
from inference.gateway.native.words import CODES
from models_registry.catalogue import chat_model_suggested
from models_registry.samples import example_call, samples_of, this_site


@dataclass(frozen=True)
class GuidePage:
    """A page of the guide; its text is `templates/guide/<template>.html`."""

    title: Any
    summary: Any
    template: str


PAGES = {
    "": GuidePage(_("快速开始"), _("三步完成第一次调用"), "start"),
    "openai-sdk": GuidePage("OpenAI SDK", _("Python 与 Node，换一个地址即可"), "openai_sdk"),
    "dashscope-sdk": GuidePage("DashScope SDK", _("原生路径，任何模型都能用"), "dashscope_sdk"),
    "chatbox": GuidePage("Chatbox", _("桌面与手机对话客户端"), "chatbox"),
    "cherry-studio": GuidePage("Cherry Studio", _("桌面对话与知识库客户端"), "cherry_studio"),
    "anythingllm": GuidePage("AnythingLLM", _("知识库问答，可同时用 Embedding"), "anythingllm"),
    "vendors": GuidePage(_("供应商"), _("每家的地址、认证和可填的字段"), "vendors"),
    "errors": GuidePage(_("错误与响应头"), _("错误码、响应头和流式注释"), "errors"),
}


class ErrorWords(NamedTuple):
    """What an error code means to the caller, and what to do."""

    meaning: Any
    remedy: Any


ERRORS = {
    "invalid_request_error": ErrorWords(_("请求写错了，或上游拒绝了参数"), _("看 message 与 param，改正后再发")),
    "invalid_api_key": ErrorWords(_("没有密钥，或密钥未知、已停用"), _("检查 Authorization 头，或新建密钥")),
    "insufficient_balance": ErrorWords(_("余额不够支付这次调用"), _("充值，或减小 max_tokens")),
    "max_cost_exceeded": ErrorWords(_("预计费用高于请求头 X-Max-Cost"), _("提高 X-Max-Cost，或减小 max_tokens")),
    "permission_denied": ErrorWords(_("密钥所属用户已停用，或权限不够"), _("换一个密钥，或联系管理员")),
    "model_not_found": ErrorWords(_("模型不存在、未启用，或种类不符"), _("用 GET /v1/models 核对名称")),
    "not_found": ErrorWords(_("没有这个路径"), _("核对 Base URL 与路径")),
    "method_not_allowed": ErrorWords(_("这个路径不接受这种方法"), _("调用用 POST，列表用 GET")),
    "request_too_large": ErrorWords(_("请求体太大"), _("缩小图片或分批发送")),
    "rate_limit_exceeded": ErrorWords(_("达到 RPM、TPM 或并发上限"), _("等 Retry-After 秒后重试")),
    "internal_error": ErrorWords(_("平台出错"), _("带 X-Request-Id 联系管理员")),
    "upstream_error": ErrorWords(_("上游出错或回答为空，不计费"), _("稍后重试；持续出现时联系管理员")),
    "model_unavailable": ErrorWords(_("没有健康的上游"), _("换一个模型，或等待恢复")),
    "ledger_unavailable": ErrorWords(_("账本暂时不能记账"), _("稍后重试")),
    "upstream_timeout": ErrorWords(_("上游在时限内没有回答"), _("改用流式，或缩短输入")),
}


class NativePath(NamedTuple):
    """One of DashScope's own paths."""

    kind: str
    path: str
    words: Any


NATIVE_PATHS = [
    NativePath("LLM", f"{SERVICES}aigc/text-generation/generation", _("文本生成，可流式")),
    NativePath("LLM", f"{SERVICES}aigc/multimodal-generation/generation", _("图片、视频与音频理解，可流式")),
    NativePath("Embedding", f"{SERVICES}embeddings/text-embedding/text-embedding", _("向量")),
    NativePath("Rerank", f"{SERVICES}rerank/text-rerank/text-rerank", _("按相关性排序")),
]


class ErrorRow(NamedTuple):
    code: str
    native_code: str
    status: int
    words: ErrorWords


@require_safe
@login_required
def guide(request: HttpRequest, topic: str = "") -> HttpResponse:
    page = PAGES.get(topic)
    if page is None:
        raise Http404
    model = chat_model_suggested() or "MODEL"
    samples = samples_of(example_call("llm", model, stream=True), this_site())
    context = {
        "nav": "guide",
        "topic": topic,
        "page": page,
        "pages": PAGES,
        "model": model,
        "samples": samples,
        "python": [sample for sample in samples if sample.language == "python"],
        "errors": error_rows(),
        "native_url": f"{settings.PUBLIC_URL}/api/v1",
        "native_paths": NATIVE_PATHS,
        "vendors": vendor_words() if topic == "vendors" else [],
    }
    return render(request, f"guide/{page.template}.html", context)


def error_rows() -> list[ErrorRow]:
    rows = [ErrorRow(code, CODES[code], KINDS[code].status, words) for code, words in ERRORS.items()]
    return sorted(rows, key=by_status)


def by_status(row: ErrorRow) -> tuple[int, str]:
    return row.status, row.code
