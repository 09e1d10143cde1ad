"""Money as every app counts it: an integer of nano-yuan. Pure; no float comes near it.

Stands on the lowest floor because both the registry (prices) and billing (amounts) speak it.
"""

import re
from decimal import Decimal

NANO_PER_YUAN = 1_000_000_000
MAX_NANO = 2**62 - 1  # amounts beyond 4.6 billion yuan are mistakes, and two of them still fit a 64-bit counter
PLAIN_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,30})?\Z")


class MoneyError(ValueError):
    """The text is no amount of money."""


def yuan_to_nano(text: str | int | Decimal) -> int:
    """Nano-yuan of a plain decimal such as "0.0008". No sign, no exponent, nothing below a nano-yuan."""
    plain = str(text).strip()
    if not PLAIN_DECIMAL.match(plain):
        raise MoneyError(f"{plain!r} is not a plain decimal amount of yuan, such as 0.5 or 40")
    whole, _, fraction = plain.partition(".")
    if fraction[9:].strip("0"):
        raise MoneyError(f"{plain} is finer than a nano-yuan (9 decimal places)")
    nano = int(whole) * NANO_PER_YUAN + int((fraction[:9] or "0").ljust(9, "0"))
    if nano > MAX_NANO:
        raise MoneyError(f"{plain} yuan is more than this ledger can hold")
    return nano


def nano_to_yuan(nano: int) -> str:
    """Plain decimal yuan with all 9 places and no symbol: the form of headers and API bodies."""
    sign = "-" if nano < 0 else ""
    return f"{sign}{abs(nano) // NANO_PER_YUAN}.{abs(nano) % NANO_PER_YUAN:09d}"


def divide_half_up(numerator: int, denominator: int) -> int:
    """The one rounding of money in this product. Both operands are non-negative."""
    return (2 * numerator + denominator) // (2 * denominator)
