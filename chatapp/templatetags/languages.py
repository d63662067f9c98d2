"""For pages: the script with the texts of our scripts, and texts that come from elsewhere in the code."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.conf import settings
from django.template.defaultfilters import date
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from chatapp.languages.catalog import address_of
from chatapp.languages.said import said

register = template.Library()
register.filter("said", said)
_DAYS = {"de": "j. F Y", "ar": "j F Y"}  # as Django's date filter has them
_TIMES = {"ar": "{}، H:i"}


@register.filter(expects_localtime=True)
def day(moment: datetime | None) -> str:
    """3 Nov 2026, as the language has it."""
    return str(date(moment, _DAYS.get(get_language() or "en", "j M Y")))


@register.filter(expects_localtime=True)
def day_and_time(moment: datetime | None) -> str:
    language = get_language() or "en"
    return str(date(moment, _TIMES.get(language, "{}, H:i").format(_DAYS.get(language, "j M Y"))))


@register.simple_tag
def languages() -> list[tuple[str, str]]:
    """Code and name, each in its own words: who looks for theirs may read no other."""
    return list(settings.LANGUAGES)


@register.simple_tag
def language_script() -> SafeString:
    """Before the page's modules, which look their first texts up while they are loaded. Nothing for English."""
    language = get_language() or "en"
    if language == "en":
        return SafeString("")
    return format_html('<script src="{}"></script>', address_of(language))
