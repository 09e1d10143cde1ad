"""`python -m simulator --port 9000`."""

from __future__ import annotations

import argparse
import sys
from typing import get_args

from simulator.certificates import TLS_HELP, Tls
from simulator.server import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="simulator", description="an upstream with every dialect and fault")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free port")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--tls", choices=get_args(Tls), help=TLS_HELP)
    options = parser.parse_args()
    run(options.host, options.port, _announce, options.tls)


def _announce(url: str) -> None:
    sys.stdout.write(f"simulator listening on {url}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
