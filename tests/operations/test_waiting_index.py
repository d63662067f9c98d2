"""The index service, while its database is away."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, cast

import pytest

from retrieval.index.follower import Follower
from retrieval.index.live import LiveIndex
from tests.waiting import wait_until


def test_it_says_now_and_then_that_it_waits_rather_than_at_each_try(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    follower = Follower(cast(LiveIndex, None), f"host={tmp_path} dbname=none user=none")
    wait = follower.stopping.wait
    monkeypatch.setattr(follower.stopping, "wait", lambda seconds: cast(Any, tries.append(seconds) or wait(0.02)))
    with caplog.at_level(logging.WARNING):
        follower.start()
        wait_until(lambda: len(tries) >= 5, 10)
        follower.stopping.set()
        follower.join(10)
    said = [record for record in caplog.records if "index.waits_for_the_database" in str(record.msg)]
    assert len(said) == 1
    assert follower.problem == "The database cannot be reached."
    assert max(tries) <= 5.0
