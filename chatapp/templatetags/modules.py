"""What a page's script needs, named in its head, so that the browser fetches all modules at once."""

from __future__ import annotations

from django import template
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from chatapp.static_files import modules_of

register = template.Library()


@register.simple_tag
def preload_modules(entry: str) -> SafeString:
    addresses = ((static(name),) for name in modules_of(entry))
    return format_html_join("", '<link rel="modulepreload" href="{}">', addresses)
