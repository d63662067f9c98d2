from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatapp.accounts.models import User
from chatapp.widget import services
from chatapp.widget.models import Widget
from retrieval.models import Document
from tests.conftest import Cast
from tests.conversations.conftest import (  # noqa: F401 - fixtures
    folder,
    handbook,
    index,
    index_double,
    model,
    model_double,
    redis_address,
)
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Web
from tests.ingestion.fake_index import FakeIndex

PAGE = "https://intranet.example.com"
MakeWidget = Callable[..., Widget]


def make_widget(by: User, *documents: Document, **values: Any) -> Widget:
    widget = Widget.objects.create(**{"name": "Intranet", "origins": PAGE, **values})
    widget.collections.set({document.collection for document in documents})
    services.settle(widget, by=by, made=True)
    return widget


@pytest.fixture
def widget(cast: Cast, handbook: Document) -> Widget:  # noqa: F811
    """Of one collection, which alice and bob read and charlie does not."""
    return make_widget(cast.administrator, handbook)


@pytest.fixture
def visited(cast: Cast, handbook: Document) -> Widget:  # noqa: F811
    """The same, which answers people who are not signed in."""
    return make_widget(cast.administrator, handbook, visitors=True)


@pytest.fixture(scope="session")
def widget_web(
    django_db_setup: None,
    django_db_blocker: Any,
    folder: Path,  # noqa: F811
    index_double: FakeIndex,  # noqa: F811
    model_double: ModelDouble,  # noqa: F811
) -> Iterator[Web]:
    process = Web(folder, index_double.url, model_double.url, CHATAPP_ANSWER_CACHE="0")
    process.start()
    yield process
    process.end()
    process.had_no_traceback()


@pytest.fixture
def web(widget_web: Web, model: ModelDouble, index: FakeIndex, transactional_db: None) -> Web:  # noqa: F811
    return widget_web
