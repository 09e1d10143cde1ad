"""Reads of the ledger, by the question they answer. Every one takes the workspace whose money it is.

`workspace=None` reads the whole platform: for admins alone, and never from a parameter of a request.
"""

from billing.selectors.balances import Balance, balance_of, holds_open
from billing.selectors.books import Book, Entry, Grant, book_page, grants_between, grants_of
from billing.selectors.forecast import Forecast, balance_history, forecast
from billing.selectors.periods import Period, last_days, month_of
from billing.selectors.receipts import Receipt, Step, receipt_of, transfers_of
from billing.selectors.records import (
    Cursor,
    cursor_parse,
    key_names,
    neighbours_of,
    records_after,
    records_newest_first,
    records_page,
)
from billing.selectors.tables import (
    UsageTable,
    usage_by_day,
    usage_table,
)
from billing.selectors.usage import (
    OUTCOMES,
    Bucket,
    Sums,
    UsageQuery,
    total_of,
    usage_by_hour,
    usage_records,
    usage_series,
)

__all__ = (
    "OUTCOMES",
    "Balance",
    "Book",
    "Bucket",
    "Cursor",
    "Entry",
    "Forecast",
    "Grant",
    "Period",
    "Receipt",
    "Step",
    "Sums",
    "UsageQuery",
    "UsageTable",
    "balance_history",
    "balance_of",
    "book_page",
    "cursor_parse",
    "forecast",
    "grants_between",
    "grants_of",
    "holds_open",
    "key_names",
    "last_days",
    "month_of",
    "neighbours_of",
    "receipt_of",
    "records_after",
    "records_newest_first",
    "records_page",
    "total_of",
    "transfers_of",
    "usage_by_day",
    "usage_by_hour",
    "usage_records",
    "usage_series",
    "usage_table",
)
