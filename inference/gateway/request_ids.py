"""Request ids: ours, unique, and in the order of time, which keeps the ledger's indexes compact."""

import secrets
import time


def request_id_make() -> str:
    """`req_` + 12 hex digits of milliseconds + 20 random ones."""
    return f"req_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"
