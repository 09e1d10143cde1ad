#!/usr/bin/env python3
"""Django's command line; `platform/` is a source root, so it joins the path before anything is imported."""

import os
import sys
from pathlib import Path


def main() -> None:
    root = Path(__file__).resolve().parent
    sys.path[:0] = [str(root), str(root / "platform")]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    from django.core.management import execute_from_command_line
    from environs import EnvError

    try:
        import console.settings  # noqa: F401 - read here, so that a mistake in it is one line and no traceback
    except (EnvError, ValueError) as error:
        sys.exit(f"A setting cannot be read: {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
