"""How many queries each address of a filled console makes: {who: [address, …]} from stdin, counts to stdout."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
django.setup()

from django.db import connection  # noqa: E402 - Django's apps have to be loaded first
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import User  # noqa: E402


def main() -> None:
    print(json.dumps({who: counts_of(who, addresses) for who, addresses in json.load(sys.stdin).items()}))


def counts_of(who: str, addresses: list[str]) -> list[int]:
    """`who` is a user's name, or "" for a visitor."""
    client = Client(HTTP_HOST="127.0.0.1")
    if who:
        client.force_login(User.objects.get(username=who))
    return [queries(client, address) for address in addresses]


def queries(client: Client, address: str) -> int:
    client.get(address)  # what is kept after the first time is not counted
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return len(captured)


if __name__ == "__main__":
    main()
