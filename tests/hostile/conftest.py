from __future__ import annotations

import pytest

from tests.conversations.conftest import (  # noqa: F401 - fixtures
    client_of,
    folder,
    handbook,
    index,
    index_double,
    model,
    model_double,
    redis_address,
    running_web,
    web,
)


@pytest.fixture(scope="session")
def stream_url() -> str:
    return ""
