"""How numbers, money and times are written on pages: one function each. Pure but for the language in use."""

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext

from accounts.money import NANO_PER_YUAN

WAN, YI = 10_000, 100_000_000
MINUS = "−"
NOTHING = "—"


def is_chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


# --- money -------------------------------------------------------------------------------------------
def yuan(nano: int, places: int = 2) -> str:
    """¥1,234.50; a debit is −¥0.50. What cannot be shown is cut off: nobody is shown money they do not have.

    A sum that would be shown as nothing gets the six places of single calls, or all nine.
    """
    places = next((more for more in (places, 6, 9) if abs(nano) >= 10 ** (9 - more)), places)
    amount = (Decimal(abs(nano)) / NANO_PER_YUAN).quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN)
    return f"{MINUS if nano < 0 else ''}¥{amount:,.{places}f}"


def yuan_exact(nano: int) -> str:
    """All nine places: what stands behind a rounded figure."""
    return yuan(nano, 9)


def price(nano: int) -> str:
    """Two places, more only where the price has them."""
    amount = (Decimal(nano) / NANO_PER_YUAN).normalize()
    places = max(2, -int(amount.as_tuple().exponent))
    return f"¥{amount:,.{places}f}"


# --- counts ------------------------------------------------------------------------------------------
def rounded(value: Decimal, places: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP):,}"


def tokens(count: int) -> str:
    """Exact below 100,000; then 212.1 万 and 1.27 亿, or 2,121 K and 127.0 M."""
    if abs(count) < 10 * WAN:
        return f"{count:,}"
    if is_chinese():
        if abs(count) < YI:
            return f"{rounded(Decimal(count) / WAN, 1)} 万"
        return f"{rounded(Decimal(count) / YI, 2)} 亿"
    if abs(count) < 10**7:
        return f"{rounded(Decimal(count) / 1000, 0)} K"
    return f"{rounded(Decimal(count) / 10**6, 1)} M"


def significant(count: int, digits: int = 3) -> str:
    """At three significant digits: 14.3 万, 200 万, 9,120."""
    if count <= 0:
        return "0"
    step = 10 ** max(0, len(str(count)) - digits)
    count = (count + step // 2) // step * step
    if not is_chinese():
        if count < 10 * WAN:
            return f"{count:,}"
        size, unit = (1000, "K") if count < 10**6 else (10**6, "M")
        return f"{plain(Decimal(count) / size)} {unit}"
    if count < WAN:
        return f"{count:,}"
    size, unit = (WAN, "万") if count < YI else (YI, "亿")
    return f"{plain(Decimal(count) / size)} {unit}"


def plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def context_size(count: int | None) -> str:
    """64K, 128K, 1M: whichever thousand the vendor counts in."""
    if not count:
        return NOTHING
    if count >= 1_000_000:
        return f"{plain(Decimal(count) // 100_000 / 10)}M"
    thousand = 1000 if count % 1000 == 0 else 1024
    return f"{count // thousand}K" if count >= thousand else f"{count}"


def percent(part: int, whole: int, places: int = 2) -> str:
    """0.42%; 100% without decimals; a dash where there is nothing to divide."""
    if not whole:
        return NOTHING
    if part == whole:
        return "100%"
    return f"{rounded(Decimal(part) * 100 / whole, places)}%"


# --- times -------------------------------------------------------------------------------------------
def latency(duration_ms: int | None) -> str:
    """684 ms, below ten seconds; then 18.2 s."""
    if duration_ms is None:
        return NOTHING
    return f"{duration_ms:,} ms" if duration_ms < 10_000 else f"{rounded(Decimal(duration_ms) / 1000, 1)} s"


def seconds(duration_ms: int | None) -> str:
    """Of whole calls: 0.12 s, 18.2 s."""
    if duration_ms is None:
        return NOTHING
    places = 2 if duration_ms < 1000 else 1
    return f"{rounded(Decimal(duration_ms) / 1000, places)} s"


def since(moment: datetime | None) -> str:
    """38 秒前, 12 分钟前, 3 小时前, 1 天前."""
    if moment is None:
        return NOTHING
    past = max(0, int((timezone.now() - moment).total_seconds()))
    if past < 60:
        return ngettext("%(count)d 秒前", "%(count)d 秒前", past) % {"count": past}
    if past < 3600:
        return ngettext("%(count)d 分钟前", "%(count)d 分钟前", past // 60) % {"count": past // 60}
    if past < 86_400:
        return ngettext("%(count)d 小时前", "%(count)d 小时前", past // 3600) % {"count": past // 3600}
    return ngettext("%(count)d 天前", "%(count)d 天前", past // 86_400) % {"count": past // 86_400}


def outage(length: timedelta) -> str:
    """26 分钟, 1.5 小时."""
    whole = int(length.total_seconds())
    if whole < 60:
        return gettext("%(count)d 秒") % {"count": whole}
    if whole < 5400:
        return gettext("%(count)d 分钟") % {"count": whole // 60}
    return gettext("%(count)s 小时") % {"count": rounded(Decimal(whole) / 3600, 1)}


def clock(moment: datetime) -> str:
    """14:31:25 today, else 11-20 14:31:25."""
    local = timezone.localtime(moment)
    today = local.date() == timezone.localdate()
    return local.strftime("%H:%M:%S" if today else "%m-%d %H:%M:%S")


def minute(moment: datetime) -> str:
    """14:31 today, else 11-20 14:31."""
    return clock(moment)[: -len(":25")]


def exact(moment: datetime | None) -> str:
    """2026-11-21 14:31:25.630: what is shown on hover and on receipts."""
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] if moment else ""


def day(moment: datetime) -> str:
    """11 月 21 日, or Nov 21."""
    local = timezone.localtime(moment)
    return f"{local.month} 月 {local.day} 日" if is_chinese() else local.strftime("%b %-d")
