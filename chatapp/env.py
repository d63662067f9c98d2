"""Strict readers of environment variables: a wrong value stops start-up with a sentence that says what to do."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from dotenv.parser import Binding, parse_stream

from chatapp.kept_secret import kept_secret

_SHORTEST = 32  # characters of a key that others are encrypted under


def read_file(named: str, default: Path) -> None:
    """The settings in the file named, else in `default` where there is one. The environment counts for more."""
    path = Path(named) if named else default
    if not named and not path.is_file():
        return
    try:
        with path.open(encoding="utf-8-sig") as stream:
            found = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"The settings in {path} cannot be read ({error}).") from None
    for one in found:
        try:
            _take_in(one)
        except ValueError:
            blank = one.original.string[: -len(one.original.string.lstrip())].count("\n")
            raise ImproperlyConfigured(f"Line {one.original.line + blank} of {path} is not NAME=value.") from None


def _take_in(one: Binding) -> None:
    """Raises ValueError where it is no setting."""
    if one.error or (one.key is not None and one.value is None):
        raise ValueError
    if one.key is not None and one.value is not None:
        os.environ.setdefault(one.key, one.value)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def boolean(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if not value:
        return default
    raise ImproperlyConfigured(f"{name} must be one of true or false, not {value!r}.")


def integer(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    value = text(name)
    try:
        number = int(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name} must lie between {least} and {most}, not {number}.")
    return number


def number(name: str, default: float, *, least: float = 0.0, most: float = 1e9) -> float:
    value = text(name)
    try:
        result = float(value) if value else default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not {value!r}.") from None
    if not least <= result <= most:
        raise ImproperlyConfigured(f"{name} must lie between {least} and {most}, not {result}.")
    return result


def rate(name: str, default: str) -> tuple[int, int] | None:
    """-> so many, in so many seconds. None: any number."""
    value = text(name, default)
    if value == "0":
        return None
    found = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,6})", value)
    if found is None:
        raise ImproperlyConfigured(f"{name} must be a number and seconds, such as 600/60, or 0, not {value!r}.")
    return int(found[1]), int(found[2])


def need_extra(name: str, extra: str, module: str) -> None:
    """Of what this setting asks for, the packages are installed."""
    if importlib.util.find_spec(module) is None:
        raise ImproperlyConfigured(f"{name} needs packages that are not installed: pip install -e '.[cpu,{extra}]'.")


def listing(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def url(name: str, default: str = "", *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    value = text(name, default).rstrip("/")
    check_url(name, value, schemes)
    return value


def service_urls(name: str, default: str) -> list[str]:
    """Addresses of our own services: unix:///path/to.sock or http://host:port."""
    found = listing(name, default)
    for one in found:
        check_url(name, one, ("http", "https", "unix"))
    return found


def check_url(name: str, value: str, schemes: tuple[str, ...]) -> None:
    if not value:
        return
    try:
        parts = urlsplit(value)
        sound = parts.scheme in schemes and bool(parts.path if parts.scheme == "unix" else parts.hostname)
        _ = parts.port  # raises when it is none
    except ValueError:
        sound = False
    if not sound or value != "".join(value.split()):
        beginnings = " or ".join(f"{scheme}://" for scheme in schemes)
        shown = "this one" if "@" in value else repr(value)  # it may hold a password
        raise ImproperlyConfigured(f"{name} must be an address that begins with {beginnings}, not {shown}.")


def postgres(name: str, value: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = {**dj_database_url.parse(value)}
    except ValueError:
        found = {}
    if found.get("ENGINE") != "django.db.backends.postgresql" or not found["NAME"]:
        raise ImproperlyConfigured(f"{name} must be an address such as postgres://user:password@host:5432/name.")
    return found


def text_beside(name: str, other: str) -> str:
    """Must be there when `other` is."""
    value = text(name)
    if text(other) and not value:
        raise ImproperlyConfigured(f"{name} is missing: {other} needs it.")
    return value


def choice(name: str, default: str, among: tuple[str, ...]) -> str:
    value = text(name, default)
    for one in among:
        if one.lower() == value.lower():
            return one
    raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}, not {value!r}.")


def networks(name: str) -> list[str]:
    """Addresses and networks, such as 10.0.0.0/8. uvicorn takes a wrong one without a word."""
    found = listing(name)
    for one in found:
        try:
            ipaddress.ip_network(one)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} must list addresses or networks: {error}.") from None
    return found


def secret(name: str, generated: Path | None = None) -> str:
    """The secret in NAME, else in the file that NAME_FILE names, else one kept in `generated` (made at first use)."""
    if value := text(name):
        return value
    if path := text(f"{name}_FILE"):
        return _from_file(name, Path(path))
    return _kept_secret(generated) if generated else ""


def secret_list(name: str, generated: Path) -> tuple[str, ...]:
    """Secrets with commas or line ends between them; the first counts most."""
    found = tuple(dict.fromkeys(secret(name, generated).replace(",", " ").split())) or ("",)
    if short := [one for one in found if len(one) < _SHORTEST]:
        raise ImproperlyConfigured(f"{name} holds a key of {len(short[0])} characters; {_SHORTEST} are the least.")
    return found


def secrets(prefix: str) -> dict[str, str]:
    """All secrets whose names begin so, given themselves or by NAME_FILE."""
    named = {name.removesuffix("_FILE") for name in os.environ if name.startswith(prefix)}
    return {name: value for name in sorted(named) if (value := secret(name))}


def _from_file(name: str, path: Path) -> str:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read ({error}).") from None
    if not value:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which is empty.")
    return value


def _kept_secret(path: Path) -> str:
    try:
        return kept_secret(path)
    except OSError as error:
        reason = f"{path} cannot be written ({error.strerror})"
        raise ImproperlyConfigured(f"{reason}. Set CHATAPP_VAR_DIR to a folder of yours.") from None
