"""The counter that tells every gateway worker that keys, models or prices changed.

A bump holds the counter's row until the change commits, so revisions commit in their own order: a reader
who sees N also sees every row stamped with N or less.
"""

from django.db import connection
from django.db.models import F

from accounts.models import Revision


def revision_bump() -> int:
    """The next revision, to be stamped on the changed rows in the caller's transaction."""
    if not connection.in_atomic_block:
        raise RuntimeError("revision_bump() must stand in the transaction of the change it announces")
    Revision.objects.filter(pk=1).update(value=F("value") + 1)
    return revision_current()


def revision_current() -> int:
    return Revision.objects.values_list("value", flat=True).get(pk=1)
