"""The worker and its clock. Without REDIS_URL the broker is a folder, good for one machine."""

import os

from celery import Celery
from django.conf import settings

from console.broker import SCHEME

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

LEDGER_LOOK_S = 60.0  # once an hour the look becomes a check
FIRST_TOKENS_EVERY_S = 120.0

app = Celery("console")


def folder_transport() -> dict[str, object]:
    folders = {name: settings.BROKER_DIR / name for name in ("messages", "control", "processed")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(folders["messages"]),
        "data_folder_out": str(folders["messages"]),
        "control_folder": str(folders["control"]),
        "processed_folder": str(folders["processed"]),  # the default is shared by the whole machine
        "polling_interval": 0.1,
    }


def tick_s() -> float:
    """Often enough that a due probe is not late by much."""
    return max(0.5, min(2.0, settings.PROBE_INTERVAL_S / 2))


app.conf.update(
    broker_url=settings.REDIS_URL or f"{SCHEME}://localhost//",
    broker_transport_options={} if settings.REDIS_URL else folder_transport(),
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    task_acks_late=True,
    task_default_queue="console",
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    timezone=settings.TIME_ZONE,
    beat_scheduler="celery.beat:Scheduler",  # in memory: entries due every second need no file, which a kill may break
    beat_schedule={
        "lifecycle": {
            "task": "inference.tasks.lifecycle_tick",
            "schedule": tick_s(),
            "options": {"expires": tick_s() * 2},
        },
        "ledger_check": {
            "task": "billing.tasks.ledger_check_tick",
            "schedule": LEDGER_LOOK_S,
            "options": {"expires": LEDGER_LOOK_S},
        },
        "first_tokens": {
            "task": "billing.tasks.first_tokens_tick",
            "schedule": FIRST_TOKENS_EVERY_S,
            "options": {"expires": FIRST_TOKENS_EVERY_S},
        },
    },
)
app.autodiscover_tasks()
