#!/usr/bin/env python3
"""Footnote's command line: `manage.py help` lists the commands."""

import os
import sys
from pathlib import Path


def _without_django(error: ModuleNotFoundError) -> str:
    own = Path(__file__).resolve().parent / ".venv" / "bin" / "python"
    if own.exists() and Path(sys.executable) != own:
        return f"Error: {sys.executable} does not have Footnote's libraries. Use {own} manage.py ..."
    return f"Error: {error}. Install Footnote's libraries first, as README.md says: `make setup`."


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ModuleNotFoundError as error:
        sys.exit(_without_django(error))

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
