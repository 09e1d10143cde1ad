"""A call for the overview's tests: ¥2 and ¥8 per million tokens, some days ago."""

import secrets
from datetime import timedelta

from django.utils import timezone

from accounts.models import Workspace
from billing.ledger import book
from billing.models import UsageRecord
from billing.operations import CallContext, PlaceHold, Settle
from billing.pricing import Price, Quote, Usage, receipt_lines

PRICE = Price(version=7, input_nano=2 * 10**9, output_nano=8 * 10**9)


def call_made(
    workspace: Workspace, writer_id: int, *, model: str = "a-model", days_ago: int = 0, prompt: int = 1000,
    completion: int = 500,
) -> UsageRecord:  # fmt: skip
    moment = timezone.now() - timedelta(days=days_ago)
    context = CallContext(
        f"req_{secrets.token_hex(12)}", workspace.pk, None, model, "chat", True, PRICE.version,
        int(moment.timestamp() * 1_000_000),
    )  # fmt: skip
    usage = Usage(prompt, completion, source="upstream")
    hold = PlaceHold(context, Quote(PRICE, prompt_tokens=prompt, cap_tokens=completion))
    settle = Settle(context, usage, receipt_lines(PRICE, usage), "success", first_byte_ms=120, duration_ms=900)
    assert [type(book([one], writer_id=writer_id)[0]).__name__ for one in (hold, settle)] == ["OpenHold", "Settlement"]
    return UsageRecord.objects.get(pk=context.request_id)
