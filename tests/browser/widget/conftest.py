from __future__ import annotations

from tests.widget.conftest import (  # noqa: F401 - fixtures
    folder,
    handbook,
    index,
    index_double,
    model,
    model_double,
    web,
    widget_web,
)
