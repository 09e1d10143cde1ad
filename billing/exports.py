"""Calls as CSV: for spreadsheets, so with a byte-order mark, and nothing in it that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils import timezone

from accounts.models import ApiKey
from accounts.money import nano_to_yuan
from billing.models import UsageRecord

COLUMNS = (
    "time", "request_id", "model", "operation", "api_key", "outcome", "error_code", "streamed", "prompt_tokens",
    "completion_tokens", "pages", "usage_source", "price_version", "cost_yuan", "charged_trial_yuan",
    "charged_paid_yuan", "uncollected_yuan", "first_byte_ms", "duration_ms",
)  # fmt: skip
RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_head() -> bytes:
    return b"\xef\xbb\xbf" + written([COLUMNS])


def csv_rows(records: Sequence[UsageRecord], keys: Mapping[int | None, ApiKey]) -> bytes:
    return written(row_of(record, keys.get(record.api_key_id)) for record in records)


def row_of(record: UsageRecord, key: ApiKey | None) -> list[Any]:
    return [
        timezone.localtime(record.created_at, timezone.get_default_timezone()).isoformat(timespec="milliseconds"),
        record.request_id,
        harmless(record.model),
        record.operation,
        harmless(key.name) if key else "",
        record.outcome,
        record.error_code,
        str(record.streamed).lower(),
        record.prompt_tokens,
        record.completion_tokens,
        record.pages,
        record.usage_source,
        record.price_version,
        *(nano_to_yuan(n) for n in (record.cost_nano, record.trial_nano, record.paid_nano, record.uncollected_nano)),
        record.first_byte_ms,
        record.duration_ms,
    ]


def harmless(text: str) -> str:
    """An apostrophe before what a spreadsheet would take for a formula: names are chosen by people."""
    return f"'{text}" if text.startswith(RUN_BY_SPREADSHEETS) else text


def written(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
