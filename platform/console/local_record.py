"""What is remembered about the local models between two runs: DATA_DIR/local_models.json."""

import json
import logging
import os
import socket
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"


@dataclass(slots=True)
class Entry:
    """One model. `former_ports`: endpoints may still name them; `registered_in`: databases it was put into."""

    port: int
    former_ports: list[int] = field(default_factory=list)
    registered_in: list[str] = field(default_factory=list)


class LocalRecord:
    """Used by the supervisor's thread and the registering one. Every change is on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.models = read(path)

    def port_take(self, slug: str) -> int:
        """The remembered port; another one where a foreign process has it by now."""
        with self.lock:
            entry = self.models.get(slug)
            if entry is not None and port_is_free(entry.port):
                return entry.port
            taken = {other.port for other in self.models.values()}
            port = port_choose(taken)
            if entry is None:
                self.models[slug] = Entry(port=port)
            else:
                entry.former_ports = [*entry.former_ports, entry.port]
                entry.port = port
            self.write()
            return port

    def port(self, slug: str) -> int | None:
        with self.lock:
            entry = self.models.get(slug)
            return entry.port if entry else None

    def former_ports(self, slug: str) -> list[int]:
        with self.lock:
            entry = self.models.get(slug)
            return list(entry.former_ports) if entry else []

    def former_ports_forget(self, slug: str, ports: list[int]) -> None:
        with self.lock:
            entry = self.models[slug]
            entry.former_ports = [port for port in entry.former_ports if port not in ports]
            self.write()

    def is_registered(self, slug: str, database: str) -> bool:
        with self.lock:
            return slug in self.models and database in self.models[slug].registered_in

    def registered(self, slug: str, database: str) -> None:
        with self.lock:
            self.models[slug].registered_in.append(database)
            self.write()

    def write(self) -> None:
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        document = {"models": {slug: asdict(entry) for slug, entry in self.models.items()}}
        fresh.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        fresh.replace(self.path)


def read(path: Path) -> dict[str, Entry]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {slug: Entry(**entry) for slug, entry in document["models"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError):
        logger.warning("%s cannot be read and is begun anew", path)
        return {}


def port_is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def port_choose(taken: set[int]) -> int:
    while True:
        with socket.create_server((HOST, 0)) as probe:
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
