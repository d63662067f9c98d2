"""Which pages may show a widget: by their origin, as browsers write it and as `frame-ancestors` compares it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from chatapp.errors import Invalid

MOST = 20  # origins of one widget
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_USUAL_PORTS = {"https": 443, "http": 80}
_ASCII = "Write its host as browsers show it when it is copied, with xn--."
_FORM = "Write each as https://intranet.example.com, without a path."


def origins_of(text: str) -> list[str]:
    """One to a line, each once. Raises Invalid."""
    found = list(dict.fromkeys(origin_of(line) for line in text.split()))
    if not found:
        raise Invalid("A widget needs at least one origin.", advice=_FORM)
    if len(found) > MOST:
        raise Invalid(f"A widget has at most {MOST} origins.", advice="Make a second widget.")
    return found


def origin_of(text: str) -> str:
    """As `location.origin` of a page there is. Raises Invalid."""
    try:
        parts = urlsplit(text.strip())
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        raise Invalid(f"{text!r:.80} is no origin.", advice=_FORM) from None
    if not host.isascii():  # which name it stands for depends on who reads it: ß was ss once (RFC 5891)
        raise Invalid(f"{text!r:.80} has letters that are written in several ways.", advice=_ASCII)
    beside = parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment
    if parts.scheme not in _USUAL_PORTS or not _HOST.fullmatch(host) or beside:
        raise Invalid(f"{text!r:.80} is no origin.", advice=_FORM)
    if parts.scheme == "http" and not _is_this_machine(host):
        raise Invalid(f"{text!r:.80} is not encrypted.", advice="http is for localhost alone: use https.")
    named = "" if port in (None, _USUAL_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{named}"


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "127.0.0.1") or host.endswith(".localhost")
