"""`make bench`: this gateway, nothing switched off, against bare forwarders, five alternating rounds in one run.

The forwarders know no keys, prices or ledger: one is aiohttp on both sides, one stands on the product's own server.
`make bench PEERS=1` adds LiteLLM and Portkey, which keep no bills here either.

Prints medians, ratios, what a call costs at one connection, and how long the console's own writes take meanwhile.
With DATABASE_URL and REDIS_URL set they are used; otherwise the embedded default is measured.
"""

import argparse
import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peers import litellm, portkey, wait_for_answer
from benchmarks.rivals import Rival, asgi_forwarder, forwarder, model_console, stub, wait_for
from benchmarks.writers import ConsoleWriter

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 32


class Sample(dict[str, float]):
    """One run of wrk: requests/s, p50 and p99 in ms."""


def load(rival: Rival, *, streamed: bool, connections: int, seconds: float) -> Sample:
    headers = "\n".join(f"{name}: {value}" for name, value in rival.headers.items())
    environment = {**os.environ, "KEY": rival.key, "HEADERS": headers, "STREAM": "1" if streamed else "0"}
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "20s",
        "-s",
        str(Path(__file__).parent / "post.lua"),
    ]
    done = subprocess.run(
        [*command, f"{rival.url}/v1/chat/completions"], env=environment, capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    found = {name: int(value) for name, value in (pair.split("=") for pair in line.split()[1:])}
    if found["errors"]:
        raise SystemExit(f"{rival.name}: {found['errors']} of {found['requests']} requests failed: not a measurement")
    return Sample(
        rate=found["requests"] / (found["duration_us"] / 1e6), p50=found["p50_us"] / 1e3, p99=found["p99_us"] / 1e3
    )


def median(samples: list[Sample], name: str) -> float:
    return statistics.median(sample[name] for sample in samples)


def measure(rivals: list[Rival], title: str, *, streamed: bool, connections: int, rounds: int) -> None:
    samples: dict[str, list[Sample]] = {rival.name: [] for rival in rivals}
    for _ in range(rounds):
        for rival in rivals:
            samples[rival.name].append(load(rival, streamed=streamed, connections=connections, seconds=SECONDS))
    first = samples[rivals[0].name]
    for rival in rivals:
        own = samples[rival.name]
        ratio = statistics.median(a["rate"] / b["rate"] for a, b in zip(own, first, strict=True))
        added = statistics.median(a["p50"] - b["p50"] for a, b in zip(own, first, strict=True))
        print(
            f"{title:<28}{rival.name:<16}{median(own, 'rate'):>8.0f} /s  {ratio:>5.0%}"
            f"  p50 {median(own, 'p50'):>7.2f} ms ({added:+.2f})  p99 {median(own, 'p99'):>7.2f} ms",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--peers", action="store_true", help="LiteLLM and Portkey too, from .venv/peers")
    options = parser.parse_args()
    rounds = options.rounds
    with (
        ExitStack() as stack,
        TemporaryDirectory(prefix="model-console-bench-") as folder,
        stub() as upstream,
        forwarder(upstream) as bare,
        asgi_forwarder(upstream) as asgi,
        model_console(upstream, Path(folder)) as ours,
    ):
        rivals = [bare, asgi, ours]
        if options.peers:
            rivals += [stack.enter_context(litellm(upstream, Path(folder))), stack.enter_context(portkey(upstream))]
        for rival in rivals:
            wait_for(rival)
            wait_for_answer(rival)
        for rival in rivals:  # warm-up
            load(rival, streamed=True, connections=CONNECTIONS, seconds=1)
        with ConsoleWriter(ours.environment) as writer:
            measure(rivals, "JSON, 32 connections", streamed=False, connections=CONNECTIONS, rounds=rounds)
            measure(rivals, "20 chunks, 32 connections", streamed=True, connections=CONNECTIONS, rounds=rounds)
        measure(rivals, "JSON, 1 connection", streamed=False, connections=1, rounds=rounds)
        measure(rivals, "20 chunks, 1 connection", streamed=True, connections=1, rounds=rounds)
        print(writer.summary())
        print(f"memory of the web process: {ours.memory_mb():.0f} MB")
        subprocess.run([sys.executable, "manage.py", "ledger_check"], env=ours.environment, check=True)


if __name__ == "__main__":
    main()
