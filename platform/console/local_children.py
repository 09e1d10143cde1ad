"""The local models as children: which can run here, and how they are started. Imports nothing heavy."""

import sys
from collections.abc import Callable

from django.conf import settings

from console.local_record import LocalRecord
from console.processes import UPSTREAM_RANK, UPSTREAM_STOP_S
from console.supervisor import Child
from local_models.catalog import LOCAL_MODELS, LocalModel, missing_packages

Say = Callable[[str], None]


def models_usable(say: Say) -> list[LocalModel]:
    """The models whose packages are installed; the others are named, with the reason."""
    if not settings.LOCAL_MODELS:
        say("Local models: none (LOCAL_MODELS is off)")
        return []
    missing = {slug: missing_packages(model) for slug, model in LOCAL_MODELS.items()}
    for slug, packages in missing.items():
        if packages:
            say(f"Local model {LOCAL_MODELS[slug].name} is left out: {', '.join(packages)} not installed")
    return [model for slug, model in LOCAL_MODELS.items() if not missing[slug]]


def local_child(model: LocalModel, record: LocalRecord, may_start: Callable[[], bool]) -> Child:
    def command() -> list[str]:
        port = str(record.port_take(model.slug))
        return [sys.executable, "-m", "local_models", model.slug, "--port", port, "--exit-with-parent"]

    return Child(
        name=f"local model {model.name}",
        command=command,
        stop_rank=UPSTREAM_RANK,
        stop_s=UPSTREAM_STOP_S,
        may_start=may_start,
    )
