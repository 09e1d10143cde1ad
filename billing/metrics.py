"""What the ledger tells Prometheus."""

from prometheus_client import Counter, Histogram

BATCH_SIZE = Histogram(
    "console_clerk_batch_size",
    "Operations booked in one transaction",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
)
LATE_SETTLEMENTS = Counter("console_late_settlements", "Settlements refused because the hold had been voided")
SWEPT_HOLDS = Counter("console_swept_holds", "Holds voided because their process or deadline was gone")
