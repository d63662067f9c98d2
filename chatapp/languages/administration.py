"""The texts of `texts.py` that administration pages alone show: `said` translates them, the page's scripts never do.

Scripts of the chat would load them for nothing.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

TEXTS_OF_ADMINISTRATION: frozenset[str] = frozenset({gettext_noop("There is no such index version.")})
