"""What pages about usage and money are built of. `{% load money %}`."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import ApiKey
from billing.models import UsageRecord
from billing.pricing import Line
from billing.selectors import Bucket, Grant, Receipt, Sums
from console import formats, usage_charts
from console.charts import Chart
from console.templatetags.ui import OUTCOMES
from models_registry.models import Price

register = template.Library()
register.filter("date_words", usage_charts.date_words)

ERRORS = {
    "upstream_timeout": gettext_lazy("504 超时"),
    "upstream_error": gettext_lazy("502 上游错误"),
    "model_unavailable": gettext_lazy("503 不可用"),
    "rate_limit_exceeded": gettext_lazy("429 限流"),
    "insufficient_balance": gettext_lazy("402 余额不足"),
    "invalid_request_error": gettext_lazy("400 参数有误"),
}
FEN = 10_000_000


@register.inclusion_tag("ui/chart_bars.html")
def cost_chart(buckets: Sequence[Bucket], height: int = usage_charts.LOW) -> dict[str, Chart]:
    return {"chart": usage_charts.cost_chart(buckets, height)}


@register.inclusion_tag("ui/chart_bars.html")
def tokens_chart(buckets: Sequence[Bucket], height: int = usage_charts.LOW) -> dict[str, Chart]:
    return {"chart": usage_charts.tokens_chart(buckets, height)}


@register.inclusion_tag("ui/chart_bars.html")
def calls_chart(buckets: Sequence[Bucket], height: int = usage_charts.LOW) -> dict[str, Chart]:
    return {"chart": usage_charts.calls_chart(buckets, height)}


@register.inclusion_tag("ui/chart_lines.html")
def error_chart(buckets: Sequence[Bucket], height: int = usage_charts.LOW) -> dict[str, Chart]:
    return {"chart": usage_charts.error_chart(buckets, height)}


# --- figures ---------------------------------------------------------------------------------------
@register.filter
def small_yuan(nano: int) -> str:
    """Six places, as single calls have."""
    return formats.yuan(nano, 6)


@register.filter
def yuan_six(nano: int) -> str:
    """Six places, for sums under one another; nothing is ¥0."""
    return formats.yuan(nano, 6) if nano else "¥0"


@register.filter
def grouped(count: int) -> str:
    """Exact, with commas."""
    return f"{count:,}"


@register.simple_tag
def call_cost(record: UsageRecord, debit: bool = False) -> SafeString:
    """¥0.042168, 免费 where the price is nothing, 未计费 where nothing came of the call. Exact on hover."""
    if record.cost_nano:
        shown = record.charged_nano
        words = small_yuan(-shown if debit else shown) if shown else _("未收取")
        return format_html('<span title="{}">{}</span>', formats.yuan_exact(shown), words)
    return format_html('<span class="soft">{}</span>', _("免费") if record.outcome == "success" else _("未计费"))


@register.simple_tag
def call_amount(record: UsageRecord) -> str:
    """What was used: tokens, or pages, or a dash."""
    if record.pages:
        return ngettext("%(count)s 页", "%(count)s 页", record.pages) % {"count": f"{record.pages:,}"}
    used = record.prompt_tokens + record.completion_tokens
    return formats.tokens(used) if used else formats.NOTHING


@register.filter
def or_dash(count: int) -> str:
    return formats.tokens(count) if count else formats.NOTHING


@register.filter
def seconds_or_dash(duration_ms: int) -> str:
    """Of an abandoned call nobody knows how long it took: its record says 0."""
    return formats.seconds(duration_ms or None)


@register.filter
def clock_ms(moment: datetime) -> str:
    """14:31:25.630"""
    return formats.exact(moment).partition(" ")[2]


@register.filter
def month_day(day: date) -> str:
    """11-21"""
    return f"{day:%m-%d}"


@register.simple_tag
def share(part: int, whole: int) -> SafeString:
    """A bar as wide as the part of the whole."""
    width = round(100 * part / whole, 2) if whole else 0
    return format_html(
        '<svg class="share" aria-hidden="true"><rect class="track" width="100%" height="4" rx="2"/>'
        '<rect class="part" width="{}%" height="4" rx="2"/></svg>', width,
    )  # fmt: skip


@register.simple_tag
def result(record: UsageRecord) -> SafeString:
    """How a call ended: shape and word; a known error by its status, its code on hover."""
    tone = OUTCOMES.get(record.outcome, OUTCOMES["failed"])
    word = ERRORS.get(record.error_code, tone.word) if record.outcome == "failed" else tone.word
    return format_html('<span class="status {}" title="{}">{}</span>', tone.css, record.error_code, word)


@register.filter
def outcome_word(name: str) -> str:
    return str(OUTCOMES[name].word) if name in OUTCOMES else name


@register.simple_tag
def sums_places(rows: Mapping[Any, Sums]) -> int:
    """Of every sum in a column: two, or six where one of them is less than a fen."""
    amounts = [abs(nano) for sums in rows.values() for nano in (sums.cost_nano, sums.trial_nano, sums.paid_nano)]
    return 6 if any(0 < nano < FEN for nano in amounts) else 2


@register.filter
def sum_yuan(nano: int, places: int) -> str:
    """A sum as wide as its column's others; a dash when it is nothing."""
    return formats.yuan(nano, places) if nano else formats.NOTHING


@register.simple_tag
def sums_key(keys: Mapping[int | None, ApiKey], key_id: int | None) -> ApiKey | None:
    return keys.get(key_id) if keys else None


@register.filter
def month_words(day: date) -> str:
    """2026 年 11 月, or November 2026."""
    return f"{day.year} 年 {day.month} 月" if formats.is_chinese() else day.strftime("%B %Y")


# --- the book --------------------------------------------------------------------------------------
LEDGER_WORDS = {
    "success": gettext_lazy("结算"),
    "client_closed": gettext_lazy("部分结算"),
    "broken_off": gettext_lazy("部分结算"),
    "failed": gettext_lazy("释放"),
    "abandoned": gettext_lazy("释放"),
}
SOURCES = {
    "upstream": gettext_lazy("上游返回"),
    "counted": gettext_lazy("上游没有返回用量，按文本估算"),
    "partial": gettext_lazy("中断前的部分：输入，加上已收到的输出"),
    "none": gettext_lazy("没有产生用量"),
}
WALLETS = {"trial": gettext_lazy("试用额度"), "paid": gettext_lazy("充值余额"), "loss": gettext_lazy("平台")}
LINES = {
    "input": gettext_lazy("输入 tokens"),
    "output": gettext_lazy("输出 tokens"),
    "call": gettext_lazy("调用次数"),
    "page": gettext_lazy("识别页数"),
}
UNITS = {"call": gettext_lazy("次"), "page": gettext_lazy("页")}


@register.filter
def ledger_word(outcome: str) -> str:
    return str(LEDGER_WORDS.get(outcome, LEDGER_WORDS["success"]))


@register.simple_tag
def usage_source(record: UsageRecord) -> str:
    if record.usage_source == "upstream" and record.streamed:
        return _("上游返回（末个数据块的 usage）")
    return str(SOURCES.get(record.usage_source, record.usage_source))


@register.filter
def grant_reason(grant: Grant) -> str:
    """The trial credit in the reader's language; what an admin wrote as it stands."""
    return _("试用额度") if grant.wallet == "trial" else grant.reason


@register.filter
def wallet_word(wallet: str) -> str:
    return str(WALLETS.get(wallet, wallet))


@register.filter
def wallet_words(wallets: Sequence[str]) -> str:
    return _("和").join(wallet_word(wallet) for wallet in wallets)


@register.filter
def line_word(line: Line) -> str:
    return str(LINES.get(line.item, line.item))


@register.filter
def unit_price(line: Line) -> str:
    """¥4.00 / 百万, ¥0.01 / 页"""
    unit = UNITS.get(line.item, _("百万"))
    return f"{formats.price(line.price_nano)} / {unit}"


@register.inclusion_tag("billing/flow.html")
def money_flow(receipt: Receipt) -> dict[str, Any]:
    """The hold as one bar: what was settled of it, what went back."""
    held = receipt.record.held_nano
    settled = held - receipt.released_nano
    width = round(100 * settled / held, 2)
    return {
        "settled_width": width,
        "released_width": round(100 - width, 2),
        "settled": formats.percent(settled, held, 1),
        "released": formats.percent(held - settled, held, 1),
    }


# --- prices ----------------------------------------------------------------------------------------
@register.simple_tag
def price_since(version: int) -> datetime | None:
    """When a version of a price came into force; None where the model is gone. A version is the price's own id."""
    return Price.objects.filter(pk=version).values_list("created_at", flat=True).first()
