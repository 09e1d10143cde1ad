"""The local models as upstreams: how the registry gets to know them, and follows them to another port."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings
from django.db import close_old_connections, transaction

from accounts.revision import revision_bump
from accounts.services import audit
from console.local_children import Say
from console.local_record import HOST, LocalRecord
from inference.tasks import model_enabling
from local_models.catalog import LocalModel, registry_document
from models_registry.documents import RegistryDocument
from models_registry.models import Endpoint, Model
from models_registry.services import RegistryError, enabling_request, registry_apply

logger = logging.getLogger(__name__)

ACTOR = "local models"
LOOK_EVERY_S = 1.0
ENABLING_ATTEMPTS = 3  # a machine busy with its first start may fail a probe


def database_name() -> str:
    """Names the database in the record, so that a second one gets the local models too."""
    entry = settings.DATABASES["default"]
    if settings.EMBEDDED:
        return Path(entry["NAME"]).name
    return f"{entry['HOST']}:{entry['PORT']}/{entry['NAME']}"


@dataclass(slots=True)
class Upstream:
    """One model on its way from started to served. Each `look` takes the next step that is due, or raises."""

    model: LocalModel
    record: LocalRecord
    say: Say
    is_up: bool = False
    enabling_attempts: int = 0
    enabling_seen: bool = True

    def look(self) -> None:
        slug, database = self.model.slug, database_name()
        if former := self.record.former_ports(slug):
            endpoints_move(model=self.model, ports=former, port=self.port())
            self.record.former_ports_forget(slug, former)
        if not self.is_up:
            self.is_up = self.answers()
            if self.is_up:
                self.say(f"Local model {self.model.name} ({self.model.kind}) is up")
        elif not self.record.is_registered(slug, database):
            self.enabling_seen = not model_register(model=self.model, port=self.port())
            self.record.registered(slug, database)
        elif not self.enabling_seen:
            self.enabling_follow()

    def port(self) -> int:
        return self.record.port(self.model.slug) or 0

    def answers(self) -> bool:
        url = f"http://{HOST}:{self.port()}{self.model.health_path}"
        try:
            return httpx.get(url, timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def enabling_follow(self) -> None:
        """Asks again when a probe failed; a model that an admin has switched off or deleted is left alone."""
        row = Model.objects.filter(name=self.model.name).first()
        if row is not None and row.state == Model.State.CHECKING:
            self.enabling_attempts = self.enabling_attempts or 1
            return
        if row is not None and row.state == Model.State.DISABLED and row.state_reason:
            if self.enabling_attempts < ENABLING_ATTEMPTS:
                self.enabling_attempts += 1
                model_ask(row)
                return
            logger.warning("local model %s did not enable: %s", row.name, row.state_reason)
        self.enabling_seen = True


def model_register(*, model: LocalModel, port: int) -> bool:
    """Puts the model into the registry and asks for it to be enabled. False where the name is there already."""
    if Model.objects.filter(name=model.name).exists():
        return False
    document = RegistryDocument.model_validate({"models": [registry_document(model, port)]})
    with transaction.atomic():
        (row,) = registry_apply(document=document, actor=ACTOR)
        enabling_request(model=row, actor=ACTOR)
    hint(row.pk)
    return True


def model_ask(row: Model) -> None:
    try:
        enabling_request(model=row, actor=ACTOR)
    except RegistryError as error:
        logger.warning("local model %s: %s", row.name, error)
    hint(row.pk)


def hint(model_id: int) -> None:
    """A broker that cannot be reached costs a moment only: the clock finds the row by itself."""
    try:
        model_enabling.delay(model_id)
    except Exception as error:
        logger.warning("the worker was not told at once: %s", error)


@transaction.atomic
def endpoints_move(*, model: LocalModel, ports: list[int], port: int) -> None:
    """Endpoints that name a former port of the model name its present one. Edited ones stay as they are."""
    present = f"http://{HOST}:{port}{model.inference_path}"
    former = [f"http://{HOST}:{old}{model.inference_path}" for old in ports if old != port]
    moved = Endpoint.objects.filter(model__name=model.name, inference_url__in=former).update(inference_url=present)
    if moved:
        Model.objects.filter(name=model.name).update(revision=revision_bump())
        audit(actor=ACTOR, verb="model.change", object=model.name, inference_url=present)


def look_after(models: list[LocalModel], record: LocalRecord, say: Say) -> None:
    """Until the process ends. An error is said once, and its step is tried again."""
    upstreams = [Upstream(model, record, say) for model in models]
    said: dict[str, str] = {}
    while True:
        for upstream in upstreams:
            try:
                upstream.look()
            except Exception as error:
                name, text = upstream.model.name, str(error)
                if said.get(name) != text:
                    logger.warning("local model %s: %s; trying again", name, text)
                said[name] = text
                close_old_connections()
        time.sleep(LOOK_EVERY_S)
