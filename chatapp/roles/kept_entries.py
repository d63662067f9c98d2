"""What somebody entered in a form whose sending asks for a new sign-in: kept in their session for ten minutes, sealed
under their key, and shown to be sent once they are signed in. It is sent by them, never by itself.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import cast
from urllib.parse import parse_qsl

from django.http import HttpRequest

from chatapp.accounts.models import User
from chatapp.privacy.sealing import seal, unseal

KEPT_S = 600
MOST_CHARACTERS = 64 * 1024  # as they are sent
_IN_SESSION = "kept_entries"
_ABOUT = "session.kept_entries"
_OF_EACH_FORM = "csrfmiddlewaretoken"
_OF_SECRETS = ("password", "passphrase", "secret", "token", "key", "credential", "certificate")  # in names of fields
_NUMBER = r"[\d.]{1,15}"
_NO_SECRET = {  # fields of such names, by the end of them, and what stands there
    "usable_password": "true|false",
    "key_name": r"[A-Z]+_KEY_[A-Z0-9_]{1,60}",  # the name of a setting, as inference/models/versions.py checks it
    "context_tokens": _NUMBER,
    "chunk_tokens": _NUMBER,
    "chunk_overlap_tokens": _NUMBER,
    "most_first_token_ratio": _NUMBER,
    "tokens": _NUMBER,
}


@dataclass(frozen=True, slots=True)
class Entries:
    path: str  # of the form, within Footnote
    fields: tuple[tuple[str, str], ...]


def keep(request: HttpRequest) -> bool:
    """False, and nothing is kept, where there are files, too much, or what may be a secret: a session is no place for
    those."""
    forget(request)
    if request.method != "POST" or request.FILES or not request.POST:
        return False
    form = request.POST.copy()
    form.pop(_OF_EACH_FORM, None)
    if any(_may_be_secret(name, value) for name, values in form.lists() for value in values):
        return False
    entries = form.urlencode()
    if len(entries) > MOST_CHARACTERS:
        return False
    sealed = seal(cast(User, request.user).pk, entries, _ABOUT)
    request.session[_IN_SESSION] = {"path": request.get_full_path(), "at": time.time(), "sealed": sealed}
    return True


def _may_be_secret(name: str, value: str) -> bool:
    if not value or not any(word in name.lower() for word in _OF_SECRETS):
        return False
    harmless = _NO_SECRET.get(name.rsplit("-", 1)[-1])
    return harmless is None or re.fullmatch(harmless, value) is None


def kept(request: HttpRequest) -> Entries | None:
    """What is too old goes when it is found."""
    found = request.session.get(_IN_SESSION)
    if found is None:
        return None
    if not 0 <= time.time() - found["at"] < KEPT_S:
        forget(request)
        return None
    entries = unseal(cast(User, request.user).pk, found["sealed"], _ABOUT)
    if entries is None:
        return None
    return Entries(found["path"], tuple(parse_qsl(entries, keep_blank_values=True, max_num_fields=10_000)))


def forget(request: HttpRequest) -> None:
    if _IN_SESSION in request.session:
        del request.session[_IN_SESSION]
