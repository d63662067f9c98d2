"""The address that links begin with. `up` leaves it for the commands, which may not know its port."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings


def address() -> str:
    """Without a slash at its end: CHATAPP_PUBLIC_URL, else what `up` serves, else what it would serve."""
    return str(settings.PUBLIC_URL).rstrip("/") or _remembered() or own_address()


def own_address() -> str:
    return f"http://localhost:{settings.PORT}"


def remember_address() -> None:
    _file().write_text(f"{own_address()}\n", encoding="utf-8")


def forget_address() -> None:
    _file().unlink(missing_ok=True)


def _file() -> Path:
    return Path(settings.VAR_DIR) / "address"


def _remembered() -> str:
    try:
        return _file().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
