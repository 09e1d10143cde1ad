"""When each key was last used, read without counting or scanning.

Usage records are indexed by workspace and time, not by key: an index of keys would be paid for by every call. So
the newest records are read back to a fixed depth, in the order of the index; a key not among them was last used
before the oldest of these, or never.
"""

from datetime import datetime
from typing import NamedTuple

from accounts.models import Workspace
from billing.models import UsageRecord

DEPTH = 2_000  # calls looked back; a few milliseconds on either database


class KeysLastUsed(NamedTuple):
    """`by_key` has what was found; `since` is how far back the look went, None where it saw every call."""

    by_key: dict[int, datetime]
    since: datetime | None


def keys_last_used(*, workspace: Workspace, depth: int = DEPTH) -> KeysLastUsed:
    newest = UsageRecord.objects.filter(workspace=workspace).order_by("-created_at")
    rows = list(newest.values_list("api_key_id", "created_at")[: depth + 1])
    by_key: dict[int, datetime] = {}
    for key_id, created_at in rows[:depth]:
        if key_id is not None:
            by_key.setdefault(key_id, created_at)
    return KeysLastUsed(by_key, rows[depth - 1][1] if len(rows) > depth else None)
