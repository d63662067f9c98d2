"""Endpoints in the registry: checked like a form, and taken for outside unless their address says otherwise."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.utils.translation import gettext_noop

from inference import audit
from inference.errors import InferenceError
from inference.models import ModelVersion
from inference.registry import NameTaken, slug_of

_HOUSE = tuple(
    ipaddress.ip_network(text)
    for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
KEY_SENTENCE = gettext_noop(
    "It begins with INFERENCE_KEY_, then capitals, digits and underscores, such as INFERENCE_KEY_OPENAI."
)
_KINDS = (ModelVersion.Kind.OPENAI, ModelVersion.Kind.AZURE, ModelVersion.Kind.ANTHROPIC)


class EndpointRejected(InferenceError):
    code, http_status = "endpoint_rejected", 422
    user_message = "This is not an endpoint that can be asked."
    advice = "Correct it and try again."


@dataclass(frozen=True, slots=True)
class Added:
    version: ModelVersion
    assumed: str  # a sentence on what nobody said; '' where everything was said
    key_missing: str = ""  # a sentence, where its key is not set here


def add_endpoint(*, name: str, outside: bool | None, by: AbstractBaseUser | None = None, **values: Any) -> Added:
    """`values` are fields of ModelVersion. `outside` None: by the address. Raises EndpointRejected, NameTaken."""
    if values.get("kind") not in _KINDS:
        raise EndpointRejected(f"An endpoint's kind is {', '.join(_KINDS[:-1])} or {_KINDS[-1]}.")
    slug = slug_of(name or values.get("model", ""))
    if ModelVersion.objects.filter(name=slug).exists():
        raise NameTaken
    url = values.get("base_url", "")
    assumed = outside is None
    outside = not is_in_house(url) if outside is None else outside
    version = ModelVersion(name=slug, outside=outside, **values)
    check_version(version)
    with transaction.atomic():
        version.save()
        audit.record("model.added", slug, by, base_url=url, outside=outside)
    return Added(version, _assumption(version) if assumed else "", key_missing(version))


def check_version(version: ModelVersion) -> None:
    """Everything that is wrong, in one sentence for each. Raises EndpointRejected."""
    wrong: list[str] = []
    try:
        version.full_clean()
    except ValidationError as error:
        wrong += [_sentence(version, field, text) for field, texts in error.message_dict.items() for text in texts]
    if not version.model:
        wrong.append("Name the model there.")
    if wrong:
        raise EndpointRejected(" ".join(dict.fromkeys(wrong)))


def is_in_house(url: str) -> bool:
    """Only what the address itself shows; a name may lead anywhere tomorrow.

    The networks are named, for link-local, documentation and reserved addresses are private to the library as well.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in _HOUSE)


def key_missing(version: ModelVersion) -> str:
    """A sentence, where its key is not set in this process."""
    if not version.key_name or version.key_name in settings.INFERENCE.keys:
        return ""
    return f"{version.key_name} is not set yet: set it, then restart Footnote, which reads its keys as it starts."


def _assumption(version: ModelVersion) -> str:
    if version.outside:
        return (
            "Taken for an endpoint outside: collections that stay in the house never reach it. "
            "If it runs in your house, say so with --inside."
        )
    return (
        "Taken for an endpoint in the house, for its address is private: it may read collections that stay in the "
        "house. If it hands them on, say so with --outside."
    )


def _sentence(version: ModelVersion, field: str, text: str) -> str:
    if field == NON_FIELD_ERRORS:
        return text
    if field == "key_name" and not text.startswith("Ensure"):
        text = KEY_SENTENCE
    label = str(getattr(version._meta.get_field(field), "verbose_name", field))
    return f"{label.capitalize()}: {text}"
