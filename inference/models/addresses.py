"""What counts as an endpoint's address: also hosts without a dot, such as the services of a container network."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_SUCH_AS = _("Give an address such as https://api.example.com/v1.")
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,254}}$){_LABEL}(\.{_LABEL})*\.?")  # RFC 1123; underscores for container networks


def check_address(value: str) -> None:
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValidationError(_SUCH_AS) from error
    plain = ":" in host or bool(_HOST.fullmatch(host))  # what stands in brackets was checked above
    if parts.scheme not in ("http", "https") or not plain or port == 0 or re.search(r"[\s\\]", value):
        raise ValidationError(_SUCH_AS)
    if "@" in parts.netloc:
        raise ValidationError(_("An address holds no name or password: the key's setting is for that."))
    if parts.query or parts.fragment:
        raise ValidationError(_("The address ends before any ? or #."))
