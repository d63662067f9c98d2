"""The identity providers in use: those of the environment, then those of the administration."""

from __future__ import annotations

from django.conf import settings

from chatapp.signon import config
from chatapp.signon.models import IdentityProvider


def in_use() -> list[config.Provider]:
    named: list[config.Provider] = list(settings.SIGNON_PROVIDERS)
    taken = {one.slug for one in named}
    rows = IdentityProvider.objects.filter(is_on=True).exclude(slug__in=taken).select_related("organisation")
    return named + [row.described(_rules(row)) for row in rows.prefetch_related("rules__group")]


def _rules(row: IdentityProvider) -> tuple[config.Rule, ...]:
    return tuple(config.Rule(rule.value, rule.group.name if rule.group else "") for rule in row.rules.all())


def find(slug: str) -> config.Provider | None:
    return next((one for one in in_use() if one.slug == slug), None)


def secret_of(provider: config.Provider) -> str:
    """Empty where it has none, or where nobody set it."""
    return str(settings.SIGNON_KEYS.get(provider.key, ""))
