"""Form fields that read numbers and prices as people write them."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.money import MoneyError, yuan_to_nano
from models_registry.documents import PRICE_NANO_MAX

COUNT = re.compile(r"(\d+(?:\.\d+)?)(万|w|亿|k|m)?\Z", re.IGNORECASE)
UNITS = {"": 1, "万": 10_000, "w": 10_000, "亿": 10**8}
COUNT_MAX = 2_000_000_000


class CountField(forms.CharField):
    """65,536, 100 万, 64K. `kilo` is what K stands for: 1024 where memory is counted, else 1000."""

    def __init__(self, *, kilo: int = 1000, **options: Any) -> None:
        super().__init__(required=False, max_length=20, **options)
        self.units = {**UNITS, "k": kilo, "m": kilo * kilo}

    def clean(self, value: Any) -> int | None:
        text = re.sub(r"[\s,，_]", "", super().clean(value))
        if not text:
            return None
        found = COUNT.match(text)
        number = Decimal(found[1]) * self.units[(found[2] or "").lower()] if found else Decimal(0)
        if number != number.to_integral_value() or not 1 <= number <= COUNT_MAX:
            raise ValidationError(_("填写 1 到 20 亿之间的整数，例如 600、100 万、64K"), code="invalid")
        return int(number)


class YuanField(forms.CharField):
    """A plain decimal of yuan; the currency's sign and commas may stand in it."""

    def clean(self, value: Any) -> str:
        text = re.sub(r"[\s,，¥￥元]", "", super().clean(value))
        if not text:
            return ""
        try:
            nano = yuan_to_nano(text)
        except (MoneyError, InvalidOperation) as error:
            raise ValidationError(_("填写金额，例如 4.00，最多 9 位小数"), code="invalid") from error
        if nano > PRICE_NANO_MAX:
            raise ValidationError(_("价格不能超过 100 万元"), code="invalid")
        return text


def plain_yuan(nano: int) -> str:
    """4, 0.5: as it is typed, at least two decimals."""
    amount = (Decimal(nano) / 10**9).normalize()
    return f"{amount:.{max(2, -int(amount.as_tuple().exponent))}f}"
