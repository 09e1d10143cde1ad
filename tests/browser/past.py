"""Three weeks of work, written by the product's own Python beside a running server. The calls are booked by the ledger
itself, only earlier than now; the playground's answers are written here, what they cost is theirs.
"""

import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from django.utils import timezone

from accounts.models import ApiKey, User, Workspace
from accounts.selectors import workspace_personal
from billing.check_runs import check_run
from billing.first_tokens import first_tokens_measure
from billing.ledger import book, writer_end, writer_start
from billing.models import UsageRecord
from billing.operations import CallContext, Operation, PlaceHold, Settle
from billing.pricing import Price, Quote, Usage, receipt_lines
from console.onboarding import user_onboard
from inference.models import Answer, Conversation, Turn
from models_registry.models import HealthChange, Model
from models_registry.models import Price as PriceRow
from tests.browser.demo import DEVELOPER
from tests.chaos.chaos_product import PASSWORD

WORKSPACE = "智能客服组"
DAYS = 21
# Model → how often it is called, tokens in, tokens out, ms to the first byte.
HABITS = {
    "DeepSeek-R1": (26, 1286, 1514, 684),
    "DeepSeek-V3": (24, 1407, 511, 455),
    "Qwen3-235B-A22B": (12, 622, 742, 512),
    "QwQ-32B": (8, 912, 1845, 398),
    "GLM-4-Flash": (16, 648, 203, 231),
    "bge-large-zh-v1.5": (10, 4096, 0, 48),
    "bge-reranker-v2-m3": (4, 1210, 0, 61),
}


def sign_up() -> None:
    """The developer came three weeks ago, and got the trial credit then."""
    began = timezone.now() - timedelta(days=DAYS)
    with at(began):
        user = user_onboard(username=DEVELOPER, password=PASSWORD)
    Workspace.objects.filter(pk=workspace_personal(user=user).pk).update(name=WORKSPACE, created_at=began)


def fill() -> None:
    user = User.objects.get(username=DEVELOPER)
    workspace = workspace_personal(user=user)
    calls_book(workspace, ApiKey.objects.get(workspace=workspace))
    health_backdate()
    conversation_make(user)
    first_tokens_measure()
    check_run()


def calls_book(workspace: Workspace, key: ApiKey) -> None:
    chance = random.Random(11)
    writer = writer_start("showcase")
    for moment in moments(chance):
        name = chance.choices(list(HABITS), [habit[0] for habit in HABITS.values()])[0]
        context, settle = call(chance, workspace, key, name, moment)
        quote = Quote(price_of(name), prompt_tokens=settle.usage.prompt_tokens + 15, cap_tokens=4096)
        book_at(writer, moment, PlaceHold(context, quote))
        book_at(writer, moment + timedelta(milliseconds=settle.duration_ms), settle)
    writer_end(writer)


def moments(chance: random.Random) -> Iterator[datetime]:
    """Busier on some days than on others; the last call was a moment ago."""
    now = timezone.localtime()
    for day in range(DAYS - 1, 0, -1):
        morning = (now - timedelta(days=day)).replace(hour=9, minute=0)
        count = chance.randint(70, 100) if morning.isoweekday() < 6 else chance.randint(30, 45)
        yield from sorted(morning + timedelta(seconds=chance.randint(0, 36_000)) for _ in range(count))
    yield from (now - timedelta(seconds=30 + 37 * number) for number in range(60, -1, -1))


def call(
    chance: random.Random, workspace: Workspace, key: ApiKey, name: str, moment: datetime
) -> tuple[CallContext, Settle]:
    _, prompt, completion, first_byte_ms = HABITS[name]
    operation = {"bge-large-zh-v1.5": "embeddings", "bge-reranker-v2-m3": "rerank"}.get(name, "chat")
    price = price_of(name)
    started_us = int(moment.timestamp() * 1_000_000)
    request_id = f"req_{secrets.token_hex(12)}"
    context = CallContext(
        request_id, workspace.pk, key.pk, name, operation, operation == "chat", price.version, started_us
    )
    fate = chance.random()
    usage = Usage(round(prompt * chance.uniform(0.4, 1.6)), round(completion * chance.uniform(0.4, 1.6)), 0, "upstream")
    first_byte_ms = round(first_byte_ms * chance.uniform(0.8, 1.3))
    if fate < 0.006:
        return context, Settle(context, Usage(), [], "failed", "upstream_timeout", None, None, 30_000)
    outcome = "client_closed" if fate < 0.03 and operation == "chat" else "success"
    duration_ms = first_byte_ms + round(usage.completion_tokens * 21.7)
    lines = receipt_lines(price, usage)
    return context, Settle(context, usage, lines, outcome, "", None, first_byte_ms, duration_ms)


def price_of(name: str) -> Price:
    row = PriceRow.objects.filter(model__name=name).latest("pk")
    return Price(row.pk, row.input_nano, row.output_nano, row.call_nano, row.page_nano)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """The ledger's clock shows another time."""
    with patch("billing.ledger.time.time_ns", lambda: int(moment.timestamp() * 1_000_000_000)):
        yield


def book_at(writer_id: int, moment: datetime, operation: Operation) -> None:
    with at(moment):
        (outcome,) = book([operation], writer_id=writer_id)
    assert not isinstance(outcome, Exception), outcome


def health_backdate() -> None:
    """Everything has been up since yesterday; two models were not, for a while."""
    now = timezone.now()
    HealthChange.objects.filter(old="unknown").update(created_at=now - timedelta(hours=30))
    for name, ago, lasted in (("DeepSeek-V3", 9.2, 0.2), ("MiniMax-M1-80K", 18.6, 0.7)):
        endpoint = Model.objects.get(name=name).endpoints.get()
        began = now - timedelta(hours=ago)
        reason = "the upstream answered 502"
        HealthChange.objects.create(endpoint=endpoint, old="up", new="down", reason=reason, created_at=began)
        back = began + timedelta(hours=lasted)
        HealthChange.objects.create(endpoint=endpoint, old="down", new="up", created_at=back)


def conversation_make(user: User) -> None:
    """One prompt, two answers; figures are those of calls that were booked."""
    names = ["DeepSeek-R1", "Qwen3-235B-A22B"]
    conversation = Conversation.objects.create(
        user=user,
        title="机翼升力讲解",
        system_prompt="你是一位耐心的中学物理老师，回答简明。",
        parameters={"temperature": 0.6, "top_p": 0.95, "max_tokens": 4096},
        choices=names,
    )
    turn = Turn.objects.create(conversation=conversation, number=1, key=secrets.token_hex(8), prompt="飞机怎么会飞？")
    for column, name in enumerate(names):
        record = UsageRecord.objects.filter(model=name, outcome="success").latest("created_at")
        Answer.objects.create(
            turn=turn, column=column, model=name, state="done", content=SAID[name], thinking=THOUGHT,
            thinking_tokens=(612, 430)[column], thinking_ms=(13_400, 11_200)[column], request_id=record.request_id,
            prompt_tokens=record.prompt_tokens, completion_tokens=record.completion_tokens,
            cost_nano=record.charged_nano, first_byte_ms=record.first_byte_ms, duration_ms=record.duration_ms,
        )  # fmt: skip


THOUGHT = "用户问飞机为什么能飞。先说四个力，再讲升力的来源，最后讲推力与操纵。"
SAID = {
    "DeepSeek-R1": """飞机能飞，靠的是四个力的平衡：**升力**对抗重力，**推力**克服阻力。

### 1. 升力从哪里来

机翼以一个小角度迎向气流，把空气向下偏转。根据牛顿第三定律，空气同时给机翼一个向上的反作用力。

机翼上方气流更快、压强更低，下方压强更高，这个压强差就是升力：

```text
L = ½ · ρ · v² · S · C_L
```

- 速度 *v* 加倍，升力变为 4 倍；
- 迎角过大时气流分离，升力骤降，即失速。

### 2. 推力与操纵

发动机向后喷气或拨动空气，得到向前的推力。副翼、升降舵和方向舵分别控制滚转、俯仰和偏航。""",
    "Qwen3-235B-A22B": """一句话：**机翼把空气往下推，空气就把机翼往上托。**

### 升力

翼型与迎角让流过机翼的空气向下转弯。空气动量改变需要力，其反作用力就是升力。伯努利原理描述的压强差，是同一件事的另一种算法。

| 力 | 方向 | 由谁产生 |
|---|---|---|
| 升力 | 向上 | 机翼 |
| 重力 | 向下 | 地球 |
| 推力 | 向前 | 发动机 |
| 阻力 | 向后 | 空气 |

### 起飞

飞机在跑道上加速，升力随速度的平方增长；当升力超过重力，机头抬起，离地爬升。""",
}
