"""How fast a download is, and how long it will take."""

from __future__ import annotations

import re

from inference.jobs.pace import Pace


def test_the_pace_is_of_the_last_seconds() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert pace.told(0, 100_000_000) == ""
    now[0] = 0.5
    assert pace.told(5_000_000, 100_000_000) == "", "half a second tells nothing"
    now[0] = 2.0
    assert pace.told(20_000_000, 100_000_000) == "10.0 MB/s, 8 s left"
    for second in range(3, 60):
        now[0] = float(second)
        told = pace.told(20_000_000 + 1000 * second, 100_000_000)
    assert re.fullmatch(r"1.0 kB/s, 22\.\d h left", told)
    assert pace.told(20_000_000 + 1000 * second, 0) == "1.0 kB/s", "of how much, nobody said"
    now[0] = 70.0
    assert pace.told(0, 100_000_000) == "", "it began anew"
