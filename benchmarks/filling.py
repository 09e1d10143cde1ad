"""A console in use: 1,000 models and 100,000 calls of 30 days, most of them one developer's.

Models are imported and calls are booked by the product's own services; what no call can tell here, health and
conversations, is written as its rows look. Prints the addresses that only exist here, as JSON.
"""

import json
import os
import random
import secrets
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice, pairwise

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

from django.db import connection  # noqa: E402 - Django's apps have to be loaded first
from django.utils import timezone  # noqa: E402

from accounts.models import ApiKey, User, Workspace  # noqa: E402
from accounts.selectors import workspace_personal  # noqa: E402
from accounts.services import api_key_create  # noqa: E402
from billing.ledger import book, writer_end, writer_start  # noqa: E402
from billing.models import UsageRecord  # noqa: E402
from billing.operations import CallContext, LedgerError, PlaceHold, Settle  # noqa: E402
from billing.pricing import Price, Quote, Usage, receipt_lines  # noqa: E402
from billing.services import credit_grant  # noqa: E402
from console.onboarding import user_onboard  # noqa: E402
from inference.models import Answer, Conversation, Turn  # noqa: E402
from models_registry.documents import ModelDocument, RegistryDocument  # noqa: E402
from models_registry.models import Endpoint, HealthChange, Model  # noqa: E402
from models_registry.models import Price as PriceVersion  # noqa: E402
from models_registry.services import registry_apply  # noqa: E402

PASSWORD = "a long pass phrase"  # noqa: S105 - of an empty database's people
ADMIN, DEVELOPER = "bench-admin", "bench-developer"
OTHERS = 8
MODELS = {"llm": 700, "embedding": 150, "rerank": 100, "ocr": 50}
CALLS, CALLS_OF_DEVELOPER, DAYS = 100_000, 60_000, 30
CALLED = 60  # models that are called at all
KEYS, GRANTS, CONVERSATIONS, TURNS = 20, 12, 40, 20
CALLS_A_BATCH = 500
SERIES = ("DeepSeek-V3", "Qwen3", "GLM-4", "MiniMax-M1", "ERNIE-4.5", "doubao-seed", "Llama-3.3", "bge-large-zh")
PRICES = {
    "llm": {"input": "2", "output": "8"},
    "embedding": {"input": "0.5", "output": "0"},
    "rerank": {"per_call": "0.01"},
    "ocr": {"per_page": "0.01"},
}
OPERATIONS = {"llm": "chat", "embedding": "embeddings", "rerank": "rerank", "ocr": "ocr"}
chance = random.Random(20)  # the same console each time


def main() -> None:
    if "--look" not in sys.argv:
        fill()
    print(json.dumps(addresses(User.objects.get(username=DEVELOPER))))


def fill() -> None:
    if Model.objects.exists() or UsageRecord.objects.exists():
        raise SystemExit("this database already has models or usage: DATABASE_URL must name an empty one")
    models_fill()
    user_onboard(username=ADMIN, password=PASSWORD, is_admin=True)
    conversations_fill(person_fill(DEVELOPER, CALLS_OF_DEVELOPER))
    for number in range(OTHERS):
        person_fill(f"bench-other-{number}", (CALLS - CALLS_OF_DEVELOPER) // OTHERS)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # what autovacuum does within minutes, where it is on


def addresses(developer: User) -> list[str]:
    """Those that name a call, a model, a key, a conversation or a last page."""
    calls = UsageRecord.objects.filter(workspace=workspace_personal(user=developer)).order_by("created_at")
    call = calls[CALLS_OF_DEVELOPER // 2]
    month = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    pages = -(-calls.filter(created_at__gte=month).count() // 50)
    return [
        f"/billing/receipts/{call.request_id}/",
        f"/billing/?page={pages}",
        f"/billing/?model={call.model}",
        f"/usage/?days=30&page={CALLS_OF_DEVELOPER // 50}",
        f"/usage/?days=30&model={call.model}",
        f"/usage/?days=30&key={call.api_key_id}",
        f"/catalogue/{call.model}/",
        f"/playground/{developer.conversations.latest('id').pk}/",
        f"/api/v1/receipts/{call.request_id}",
    ]


# --- models ----------------------------------------------------------------------------------------
def models_fill() -> None:
    documents = [model_document(kind, number) for kind, count in MODELS.items() for number in range(count)]
    models = registry_apply(document=RegistryDocument(models=documents), actor=ADMIN)
    off = [model.pk for number, model in enumerate(models) if number % 20 == 19]
    Model.objects.exclude(pk__in=off).update(state=Model.State.ENABLED)
    health_fill(list(Endpoint.objects.exclude(model__in=off)))


def model_document(kind: str, number: int) -> ModelDocument:
    name = f"{SERIES[number % len(SERIES)]}-{kind}-{number:03d}"
    endpoints = [
        {"vendor": "openai_compatible", "inference_url": f"https://{place}.example.com/v1", "model": name.lower(),
         "api_key": f"sk-{secrets.token_hex(16)}", "priority": priority}
        for priority, place in enumerate(("llm", "spare")[: 1 + (number % 4 == 0)])
    ]  # fmt: skip
    if kind == "ocr":
        endpoints = [
            {**one, "vendor": "yuanjing", "inference_url": "https://maas.example.com/openapi/v1"}
            for one in endpoints[:1]
        ]
    limits = {"rpm": 600, "tpm": 1_000_000}
    return ModelDocument.model_validate(
        {"name": name, "kind": kind, "price": PRICES[kind], "limits": limits, "endpoints": endpoints,
         "context_length": 1024 << number % 8 if kind == "llm" else None}
    )  # fmt: skip


def health_fill(endpoints: list[Endpoint]) -> None:
    """Every endpoint was found up once; one of ten has had outages since, one of 40 has one now."""
    now = timezone.now()
    changes: list[HealthChange] = []
    for number, endpoint in enumerate(endpoints):
        endpoint.health, endpoint.checked_at = Endpoint.Health.UP, now
        changes += changed(endpoint, now - timedelta(days=DAYS), "unknown", "up")
        if number % 10 == 0:
            for hours in (500, 100, 20, 9, 3):
                changes += changed(endpoint, now - timedelta(hours=hours), "up", "down", "up")
        if number % 40 == 1:
            endpoint.health, endpoint.health_reason = Endpoint.Health.DOWN, "503 from the upstream"
            changes += changed(endpoint, now - timedelta(minutes=40), "up", "down")
    Endpoint.objects.bulk_update(endpoints, ["health", "health_reason", "checked_at"], batch_size=500)
    HealthChange.objects.bulk_create(changes, batch_size=500)


def changed(endpoint: Endpoint, at: datetime, *healths: str) -> Iterator[HealthChange]:
    for number, (old, new) in enumerate(pairwise(healths)):
        moment = at + number * timedelta(minutes=7)
        yield HealthChange(endpoint=endpoint, old=old, new=new, reason="a probe", created_at=moment)


# --- people and their calls ------------------------------------------------------------------------
def person_fill(username: str, calls: int) -> User:
    user = user_onboard(username=username, password=PASSWORD)
    workspace = workspace_personal(user=user)
    Workspace.objects.filter(pk=workspace.pk).update(created_at=timezone.now() - timedelta(days=DAYS))
    keys = [
        api_key_create(user=user, workspace=workspace, name=f"key {number}", scope=ApiKey.Scope.INFERENCE).key
        for number in range(KEYS)
    ]
    for number in range(GRANTS):
        credit_grant(workspace=workspace, amount_nano=1000 * 10**9, reason=f"top-up {number}", actor=ADMIN)
    writer_id = writer_start("benchmarks.filling")
    rest = calls_of(workspace, keys, calls)
    while some := list(islice(rest, CALLS_A_BATCH)):
        booked(some, writer_id)
    writer_end(writer_id)
    return user


def calls_of(workspace: Workspace, keys: list[ApiKey], count: int) -> Iterator[tuple[PlaceHold, Settle]]:
    """At even distances, oldest first; few models and few keys make most of the calls."""
    called = chance.sample(list(Model.objects.filter(state=Model.State.ENABLED).order_by("name")), CALLED)
    prices = {row.model_id: row for row in PriceVersion.objects.filter(model__in=called)}
    start, step = timezone.now() - timedelta(days=DAYS), timedelta(days=DAYS) / count
    for number in range(count):
        model = called[int(len(called) * chance.random() ** 3)]
        key = keys[int(len(keys) * chance.random() ** 3)]
        yield call_of(workspace, key, model, prices[model.pk], start + number * step)


def call_of(
    workspace: Workspace, key: ApiKey, model: Model, version: PriceVersion, at: datetime
) -> tuple[PlaceHold, Settle]:
    price = Price(version.pk, version.input_nano, version.output_nano, version.call_nano, version.page_nano)
    prompt, completion = chance.randint(20, 4000), chance.randint(10, 900) if model.kind == "llm" else 0
    pages = int(model.kind == "ocr")
    outcome = chance.choices(("success", "failed", "client_closed"), (97, 2, 1))[0]
    usage = Usage() if outcome == "failed" else Usage(prompt, completion, pages, "upstream")
    context = CallContext(
        f"req_{secrets.token_hex(12)}", workspace.pk, key.pk, model.name, OPERATIONS[model.kind], model.kind == "llm",
        price.version, int(at.timestamp() * 1_000_000),
    )  # fmt: skip
    first_ms = chance.randint(80, 1500)
    return PlaceHold(context, Quote(price, prompt, 2 * completion, pages=pages)), Settle(
        context, usage, receipt_lines(price, usage), outcome, "upstream_timeout" if outcome == "failed" else "",
        first_byte_ms=None if outcome == "failed" else first_ms, duration_ms=first_ms + chance.randint(20, 20_000),
    )  # fmt: skip


def booked(calls: Iterable[tuple[PlaceHold, Settle]], writer_id: int) -> None:
    """As the clerk does: the holds in one transaction, what they cost in the next."""
    holds, settlements = zip(*calls, strict=True)
    for operations in (holds, settlements):
        for outcome in book(operations, writer_id=writer_id):
            if isinstance(outcome, LedgerError):
                raise outcome


# --- conversations ---------------------------------------------------------------------------------
def conversations_fill(user: User) -> None:
    choices = list(
        Model.objects.filter(state="enabled", kind="llm").order_by("name").values_list("name", flat=True)[:2]
    )
    rows = [Conversation(user=user, title=f"conversation {number}", choices=choices) for number in range(CONVERSATIONS)]
    turns = [
        Turn(conversation=one, number=number + 1, key=secrets.token_urlsafe(16), prompt="写一段快速排序的说明")
        for one in Conversation.objects.bulk_create(rows)
        for number in range(TURNS)
    ]
    Answer.objects.bulk_create(
        Answer(turn=turn, column=column, model=model, state="done", content=TEXT, prompt_tokens=40,
               completion_tokens=300, cost_nano=10**6, first_byte_ms=300, duration_ms=4000)
        for turn in Turn.objects.bulk_create(turns)
        for column, model in enumerate(choices)
    )  # fmt: skip


TEXT = """快速排序**平均**要 `n log n` 步：

1. 选一个基准
2. 把小的放左边，大的放右边

```python
def quick(values: list[int]) -> list[int]:
    if len(values) < 2:
        return values
    first, *rest = values
    return [*quick([v for v in rest if v < first]), first, *quick([v for v in rest if v >= first])]
```
"""

if __name__ == "__main__":
    main()
