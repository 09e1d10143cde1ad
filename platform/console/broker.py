"""The embedded broker: kombu's folder of messages, each of which is whole before it is seen."""

from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps

SCHEME = "folder"


class FolderChannel(filesystem.Channel):
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]  # as kombu's own does
        """kombu's own opens the file and then writes it; a worker that reads in between finds nothing, and ends."""
        whole = Path(self.data_folder_out) / f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        part = whole.with_suffix(".part")
        try:
            part.write_bytes(str_to_bytes(dumps(payload)))
            part.rename(whole)
        except OSError as error:
            raise ChannelError(f"Cannot add file {whole} to the folder of messages") from error


class FolderTransport(filesystem.Transport):
    Channel = FolderChannel


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:{FolderTransport.__name__}"
