"""What the import page says of URLs, stages and findings, in the reader's language."""

from typing import Any, NamedTuple

from django.conf import settings
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from inference.probing.findings import Findings
from inference.probing.report import Failure, Report, Stage
from models_registry.vendors.base import Text, Vendor

KINDS = {"llm": "LLM", "embedding": "Embedding", "rerank": "Rerank", "ocr": "OCR"}
UNITS = {
    "per_m_tokens": gettext_lazy("元 / 百万 tokens"),
    "per_1k_tokens": gettext_lazy("元 / 千 tokens"),
    "per_call": gettext_lazy("按次"),
    "per_page": gettext_lazy("按页"),
    "free": gettext_lazy("免费"),
}
STAGES = {
    "resolve": gettext_lazy("解析"),
    "connect": gettext_lazy("连接"),
    "tls": "TLS",
    "auth": gettext_lazy("鉴权"),
    "model": gettext_lazy("模型"),
    "call": gettext_lazy("试调用"),
}
REASON_STAGES = {"connect": STAGES["connect"], "auth": STAGES["auth"], "model": STAGES["model"]}
HINTS = {
    "wrapped": gettext_lazy("粘贴的内容里还有别的文字，只保留地址"),
    "full_width": gettext_lazy("含有全角字符，改为半角"),
    "spaces": gettext_lazy("含有空格"),
    "scheme": gettext_lazy("缺少 http:// 或 https://，或者写错了"),
    "user": gettext_lazy("地址里不能带用户名和密码，密钥填在 API Key"),
    "fragment": gettext_lazy("# 之后的部分不会发给上游"),
    "double_slash": gettext_lazy("路径里有重复的 /"),
    "capital_version": gettext_lazy("版本段应为小写"),
    "doubled_version": gettext_lazy("检测到重复的版本段"),
    "endpoint": gettext_lazy("填到版本段为止即可，接口路径由平台补上"),
    "no_version": gettext_lazy("路径里没有版本段，多数供应商是 /v1"),
    "no_port": gettext_lazy("没有端口，该供应商默认监听自己的端口"),
    "undocumented": gettext_lazy("与供应商文档中这一类型的地址不一致"),
    "last_slash": gettext_lazy("末尾的 / 可以省略"),
    "unreadable": gettext_lazy("还不是完整的地址，例如 https://example.com/v1"),
}
HELP = {
    "no_url": gettext_lazy("填写以 http:// 或 https:// 开头的完整地址。"),
    "no_name": gettext_lazy("域名没有解析出地址。检查拼写，或这台服务器的 DNS。"),
    "metadata": gettext_lazy("这是云主机的元数据地址，任何设置都不会放行。"),
    "refused": gettext_lazy("主机在，但这个端口没有服务。检查端口，以及服务是否已启动。"),
    "no_connection": gettext_lazy("连不上这个端口。检查端口、防火墙和代理。"),
    "certificate": gettext_lazy(
        "证书没有通过校验。更换证书，或使用证书里写明的域名；由私有 CA 签发时，把 CA 证书填在更多选项里。"
    ),
    "authority": gettext_lazy(
        "更多选项里的 CA 证书读不出来：只粘贴 PEM 证书，从 BEGIN CERTIFICATE 到 END CERTIFICATE。"
    ),
    "plain": gettext_lazy("这个端口不是 HTTPS，把地址改为 http://。"),
    "tls": gettext_lazy("TLS 握手没有完成。"),
    "key": gettext_lazy("上游拒绝了密钥。检查密钥、是否开通了该模型，以及认证方式。"),
    "model": gettext_lazy("上游没有这个模型，检查上游模型名。"),
    "path": gettext_lazy("上游没有这个路径，检查推理 URL。"),
    "connect": gettext_lazy("调用时没有连上。"),
    "answer": gettext_lazy("上游没有在时限内完整回答。"),
}
EXPLAINED = {"authority", "blocked", "metadata", "no_url"}  # our own words; the help says them in the reader's language


class Fact(NamedTuple):
    """A found ability: its name, what was seen, and the tone of its dot."""

    name: str
    words: str
    tone: str


def in_language(text: Text) -> str:
    return text.zh if (get_language() or "zh").startswith("zh") else text.en


def vendor_name(vendor: Vendor) -> str:
    return in_language(Text(vendor.label_zh, vendor.label_en))


def vendor_caption(vendor: Vendor) -> str:
    """4 类, or 仅 LLM."""
    if len(vendor.kinds) == 1:
        return _("仅 %(kind)s") % {"kind": KINDS[next(iter(vendor.kinds))]}
    return ngettext("%(count)d 类", "%(count)d 类", len(vendor.kinds)) % {"count": len(vendor.kinds)}


# --- stages -----------------------------------------------------------------------------------------
def stage_fact(stage: Stage) -> str:
    """One fact of a stage that was reached."""
    facts = stage.facts
    if stage.state == "waiting":
        return ""
    if stage.failure:
        return failure_fact(stage.failure)
    words = {
        "resolve": lambda: ", ".join(facts["addresses"][:1]),
        "connect": lambda: f"TCP {facts['port']}",
        "tls": lambda: tls_fact(stage),
        "auth": lambda: auth_fact(stage),
        "model": lambda: model_fact(stage),
        "call": lambda: call_fact(facts),
    }
    return words[stage.name]()


def failure_fact(failure: Failure) -> str:
    if failure.code in ("blocked", "metadata"):
        return _("地址未放行")
    if failure.status:
        return f"HTTP {failure.status}"
    return {"no_name": _("没有解析出地址"), "refused": _("端口拒绝连接")}.get(failure.code, _("未通过"))


def tls_fact(stage: Stage) -> str:
    if stage.state == "skipped":
        return _("http 地址，不加密")
    words = str(stage.facts["version"])
    if "days_left" in stage.facts:
        left = stage.facts["days_left"]
        words += " · " + ngettext("证书剩 %(count)d 天", "证书剩 %(count)d 天", left) % {"count": left}
    return words


def auth_fact(stage: Stage) -> str:
    if stage.state == "skipped":
        return _("上游没有模型列表，由调用验证")
    if stage.facts.get("by_call"):
        return _("由调用验证通过")
    return _("%(status)d · 模型列表可读") % {"status": stage.facts["status"]}


def model_fact(stage: Stage) -> str:
    if stage.facts.get("by_call"):
        return _("由调用验证通过")
    if stage.state == "skipped":
        return _("无须模型名，或由调用验证")
    count = stage.facts["count"]
    if stage.state == "ok":
        return _("列表共 %(count)d 个，含此模型") % {"count": count}
    if stage.facts["near"]:
        return _("列表中没有，相近的有 %(names)s") % {"names": ", ".join(stage.facts["near"])}
    return _("列表共 %(count)d 个，没有此模型") % {"count": count}


def call_fact(facts: dict[str, Any]) -> str:
    parts = [str(facts.get("status", ""))]
    if facts.get("first_ms") is not None:
        parts.append(_("首字 %(ms)s ms") % {"ms": f"{facts['first_ms']:,}"})
    if facts.get("output_tokens") is not None:
        parts.append(_("输出 %(count)d tokens") % {"count": facts["output_tokens"]})
    return " · ".join(parts)


def failure_help(failure: Failure, stage: Stage) -> str:
    """What to do about it."""
    if failure.code == "blocked":
        address = failure.words.partition(" ")[0]
        network = f"{address}/{128 if ':' in address else 32}"
        now = ",".join(settings.ALLOWED_PRIVATE_NETWORKS) or "…"
        words = _(
            "私网地址默认不放行。在环境变量 ALLOWED_PRIVATE_NETWORKS 中加入 %(network)s 后重启，现在的值是 %(now)s。"
        )
        return words % {"network": network, "now": now}
    if stage.facts.get("stream_only"):
        return _("流式调用可以成功：勾选“上游仅支持流式”。")
    return str(HELP.get(failure.code, ""))


# --- findings ---------------------------------------------------------------------------------------
def abilities(found: Findings) -> list[Fact]:
    """Only what was really seen, or looked for in vain."""
    facts = []
    if found.streams is not None:
        facts.append(seen(_("流式输出"), _("支持"), _("未见"), yes=found.streams))
    if found.usage is not None:
        facts.append(seen(_("返回用量"), _("支持"), _("未返回，由平台估算"), yes=found.usage))
    if found.thinking is not None:
        inside = {"content": _("内嵌 <think>"), "field": "reasoning_content"}.get(found.thinking, "")
        facts.append(seen(_("思考过程"), inside, _("未见"), yes=bool(inside)))
    if found.dimensions:
        facts.append(Fact(_("向量维度"), f"{found.dimensions:,}", "ok"))
    if found.pages:
        facts.append(Fact(_("识别页数"), f"{found.pages:,}", "ok"))
    return facts


def seen(name: str, good: str, bad: str, *, yes: bool) -> Fact:
    return Fact(name, good if yes else bad, "ok" if yes else "off")


def cost_words(report: Report) -> str:
    """Who pays for the probe."""
    found = report.findings
    if found.input_tokens is None:
        return _("试调用由平台承担，不计入任何空间")
    counts = {"input": found.input_tokens, "output": found.output_tokens or 0}
    return _("试调用 %(input)d + %(output)d tokens，由平台承担") % counts
