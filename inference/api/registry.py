"""/api/v1/registry: every model as one file, to be read, edited and applied."""

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from accounts.api_auth import ApiError, admin_of
from accounts.api_shapes import ERRORS
from inference.api.shapes import example, words
from models_registry.documents import DocumentError, Strict
from models_registry.export import registry_csv, registry_yaml
from models_registry.importing.bulk import TEXT_MAX, Plan, PlanWrong, bulk_apply, bulk_plan, bulk_read
from models_registry.models import Model
from models_registry.rows import model_rows

router = Router(tags=["models"])

FileFormat = Literal["yaml", "csv"]
FILE_EXAMPLE = {
    "text": "name,kind,vendor,inference_url,model,free\nqwen3,llm,ollama,http://127.0.0.1:11434/v1,qwen3:0.6b,true\n",
    "dry_run": True,
}
ROW_EXAMPLE: dict[str, Any] = {
    "line": 2,
    "name": "qwen3",
    "kind": "llm",
    "status": "changed",
    "changes": ["price"],
    "reasons": [],
}


class RegistryOut(BaseModel):
    """`text` is the file. Keys are left out: applied where a model already is, each endpoint keeps its own."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"file_format": "csv", "text": "name,kind,vendor,…\r\n"}]}
    )

    file_format: Annotated[str, words("yaml", "csv")]
    text: str


class RegistryIn(Strict):
    """YAML as GET answers it, or CSV with its header; which of them it is, is seen."""

    model_config = example(FILE_EXAMPLE)

    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
    dry_run: bool = Field(False, description="Say what would happen, and write nothing.")


class PlanRowOut(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [ROW_EXAMPLE]})

    line: int = Field(description="Where the model begins in the file.")
    name: str
    kind: str
    status: Annotated[str, words("new", "changed", "unchanged", "wrong")]
    changes: list[str] = Field(description="The parts that differ from what is served.")
    reasons: list[str] = Field(description="What is wrong.")


class PlanOut(BaseModel):
    """`applied` is false after a dry run, and where a model is wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"applied": False, "data": [ROW_EXAMPLE]}]})

    applied: bool
    data: list[PlanRowOut]


@router.get("/registry", response={200: RegistryOut, **ERRORS}, summary="Export every model")
def registry_read(request: HttpRequest, file_format: FileFormat = "yaml") -> RegistryOut:
    """As a models file, without the keys. Admins only."""
    admin_of(request)
    rows = model_rows(models=Model.objects.order_by("kind", "name"))
    text = registry_csv(rows=rows) if file_format == "csv" else registry_yaml(rows=rows)
    return RegistryOut(file_format=file_format, text=text)


@router.post("/registry", response={200: PlanOut, **ERRORS}, summary="Apply a models file")
def registry_write(request: HttpRequest, file: RegistryIn) -> PlanOut:
    """Models are made or changed by name, all or none; those the file does not name stay, new ones are disabled.
    A file with a wrong model is answered 422 after no write; a dry run tells of each model. Admins only."""
    caller = admin_of(request)
    try:
        if file.dry_run:
            return plan_shown(bulk_plan(entries=bulk_read(file.text)), applied=False)
        return plan_shown(bulk_apply(text=file.text, actor=caller.user.username), applied=True)
    except DocumentError as error:
        raise ApiError(422, "invalid_request_error", f"text: {error}", "text") from error
    except PlanWrong as wrong:
        faults = [f"line {row.line}: {row.name}: {row.reasons[0]}" for row in wrong.plan.rows if row.reasons]
        words = f"text: {len(faults)} of {len(wrong.plan.rows)} models are wrong, and nothing was written. {faults[0]}"
        raise ApiError(422, "invalid_request_error", words, "text") from wrong


def plan_shown(plan: Plan, *, applied: bool) -> PlanOut:
    rows = [
        PlanRowOut(
            line=row.line,
            name=row.name,
            kind=row.kind,
            status=row.status,
            changes=list(row.changes),
            reasons=list(row.reasons),
        )
        for row in plan.rows
    ]
    return PlanOut(applied=applied, data=rows)
