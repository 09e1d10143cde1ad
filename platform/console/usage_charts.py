"""Usage as charts: which series, in which unit, with which words."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.money import NANO_PER_YUAN
from billing.selectors import Bucket
from console import formats
from console.charts import Chart, Series, Slot, bar_chart, line_chart

RATE_WHOLE = 10_000  # rates are counted in hundredths of a percent
TALL, LOW = 160, 96  # pixels


def cost_chart(buckets: Sequence[Bucket], height: int = LOW) -> Chart:
    costs = [None if bucket.sums is None else bucket.sums.cost_nano for bucket in buckets]
    return bar_chart(
        _("费用"), slots_of(buckets), [Series(_("费用"), "series-1", costs)],
        height=height, write=money, write_axis=money_axis,
    )  # fmt: skip


def tokens_chart(buckets: Sequence[Bucket], height: int = LOW) -> Chart:
    """Input below, output above."""
    given = [None if bucket.sums is None else bucket.sums.prompt_tokens for bucket in buckets]
    made = [None if bucket.sums is None else bucket.sums.completion_tokens for bucket in buckets]
    stack = [Series(_("输入"), "series-2", given), Series(_("输出"), "series-1", made)]
    return bar_chart("Tokens", slots_of(buckets), stack, height=height, write=formats.tokens, write_axis=count_axis)


def calls_chart(buckets: Sequence[Bucket], height: int = LOW) -> Chart:
    """Calls that went well below, those that failed above."""
    well = [None if bucket.sums is None else bucket.sums.calls - bucket.sums.failures for bucket in buckets]
    failed = [None if bucket.sums is None else bucket.sums.failures for bucket in buckets]
    stack = [Series(_("未失败"), "series-1", well), Series(_("失败"), "failed", failed)]
    return bar_chart(_("调用次数"), slots_of(buckets), stack, height=height, write=count, write_axis=count_axis)


def error_chart(buckets: Sequence[Bucket], height: int = LOW) -> Chart:
    """A day without calls has no rate: a gap."""
    rates = [
        RATE_WHOLE * bucket.sums.failures // bucket.sums.calls if bucket.sums and bucket.sums.calls else None
        for bucket in buckets
    ]
    series = Series(_("错误率"), "series-1", rates)
    return line_chart(_("错误率"), slots_of(buckets), series, height=height, write=rate, write_axis=rate_axis)


# --- columns ---------------------------------------------------------------------------------------
def slots_of(buckets: Sequence[Bucket]) -> list[Slot]:
    return [slot_of(bucket) for bucket in buckets]


def slot_of(bucket: Bucket) -> Slot:
    title = date_words(bucket.day)
    if bucket.hour is not None:
        return Slot(f"{bucket.hour:02}", f"{title} {bucket.hour:02}:00", bucket.is_running)
    if bucket.days > 1:
        return week_slot(bucket)
    if bucket.is_running:
        return Slot(_("今天"), _("%(day)s · 今天，未完") % {"day": title}, is_running=True)
    return Slot(f"{bucket.day.day}", title)


def week_slot(bucket: Bucket) -> Slot:
    title = f"{date_words(bucket.day)} – {date_words(bucket.day + timedelta(days=bucket.days - 1))}"
    title = _("%(days)s · 未完") % {"days": title} if bucket.is_running else title
    return Slot(f"{bucket.day.month}-{bucket.day.day}", title, bucket.is_running)


def date_words(day: date) -> str:
    """11 月 21 日, or Nov 21."""
    return f"{day.month} 月 {day.day} 日" if formats.is_chinese() else day.strftime("%b %-d")


# --- figures ---------------------------------------------------------------------------------------
def money(nano: int) -> str:
    return formats.yuan(nano, 2 if nano >= NANO_PER_YUAN or not nano else 6)


def money_axis(nano: int, step: int) -> str:
    return f"¥{at_places_of(nano, step, NANO_PER_YUAN)}"


def at_places_of(value: int, step: int, unit: int) -> str:
    """As many places as the steps have, down the whole axis: 1.5, 1.0, 0.5, and a bare 0."""
    places = max(0, -int((Decimal(step) / unit).normalize().as_tuple().exponent))
    return f"{Decimal(value) / unit:,.{places}f}" if value else "0"


def count(number: int) -> str:
    return f"{number:,}"


def rate(hundredths: int) -> str:
    return formats.percent(hundredths, RATE_WHOLE)


def rate_axis(hundredths: int, step: int) -> str:
    return f"{at_places_of(hundredths, step, 100)}%" if hundredths else "0"


def count_axis(number: int, step: int) -> str:
    return formats.significant(number)
