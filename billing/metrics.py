"""What the ledger tells Prometheus."""

from prometheus_client import Counter

BATCHES = Counter("console_clerk_batches", "Transactions of the clerk")
BOOKINGS = Counter("console_clerk_bookings", "Operations booked by the clerk")
LATE_SETTLEMENTS = Counter("console_late_settlements", "Settlements refused because the hold had been voided")
SWEPT_HOLDS = Counter("console_swept_holds", "Holds voided because their process or deadline was gone")
