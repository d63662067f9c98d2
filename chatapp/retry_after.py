"""When programs may try again, as every door of the application tells it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # chatapp.errors answers with it
    from chatapp.errors import TypedError

_UNKNOWN_S = 2


def retry_after(error: TypedError) -> dict[str, str]:
    """The header, in whole seconds and never 0; none where trying again cannot help. Of what may be tried again, but
    not before long, it says when."""
    known = getattr(error, "retry_after_s", None)
    if not error.retryable and not known:
        return {}
    seconds = known or _UNKNOWN_S
    return {"Retry-After": str(max(1, math.ceil(seconds)))}
