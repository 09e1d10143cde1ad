"""One model in the foreground: python -m local_models SLUG --port N [--host H] [--exit-with-parent]."""

import argparse
import importlib
import logging
import os
from collections.abc import Sequence

from local_models.catalog import LOCAL_MODELS, missing_packages
from local_models.process import follow_parent


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local_models", description="Serve one small model on this machine.")
    parser.add_argument("model", choices=list(LOCAL_MODELS))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when the starting process ends")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    parent_pid = os.getppid()
    parser = build_parser()
    options = parser.parse_args(argv)
    if options.exit_with_parent:
        follow_parent(parent_pid)
    if missing := missing_packages(LOCAL_MODELS[options.model]):
        parser.error(f"not installed: {', '.join(missing)} (see requirements-local-models.lock)")
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Each server imports its engine at the top; only the chosen one is loaded.
    importlib.import_module(f"local_models.{options.model}").run(options.host, options.port)


if __name__ == "__main__":
    main()
