"""The circuit breaker of one engine (Nygard, "Release It!", 2007): closed, open, half-open for one probe."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["closed", "open", "half-open"]

PROBE_S = 3.0  # whoever happens to ask an engine that has just failed does not wait longer for it alone
_FIRST_S, _MOST_S = 5.0, 120.0  # an engine is left alone this long; twice as long after each failed probe


def _nobody(open_now: bool) -> None:
    pass


@dataclass
class Breaker:
    """Engines try again by themselves, so one failure that comes through opens it."""

    changed: Callable[[bool], None] = _nobody  # is told when it opens (True) and closes
    why: str = ""  # a sentence about the engine, of its last failure
    _open_until: float = 0.0
    _open_s: float = 0.0
    _probing: bool = False

    @property
    def state(self) -> State:
        if not self._open_s:
            return "closed"
        return "open" if time.monotonic() < self._open_until else "half-open"

    def admits(self) -> bool:
        """Whether a question may be asked now; while a probe is out, no second one is."""
        return self.state == "closed" or (self.state == "half-open" and not self._probing)

    @property
    def due(self) -> bool:
        """Whether the next question is to find out if the engine is well again."""
        return self.state == "half-open" and not self._probing

    def begin(self) -> bool:
        """-> whether this question is the probe; whoever asked it then says how it ended."""
        probe = self.due
        self._probing = self._probing or probe
        return probe

    def succeed(self) -> None:
        if self._open_s:
            self.changed(False)
        self.why, self._open_s, self._probing = "", 0.0, False

    def fail(self, why: str, *, probe: bool) -> None:
        """Failures of questions that were already under way do not lengthen the time."""
        self.why = why
        if self._open_s and not probe:
            return
        if not self._open_s:
            self.changed(True)
        self._open_s = min(self._open_s * 2 or _FIRST_S, _MOST_S)
        # Not all web processes probe in the same moment.
        self._open_until = time.monotonic() + self._open_s * random.uniform(0.8, 1.0)  # noqa: S311
        self._probing = False

    def overtake(self, waited_s: float) -> None:
        """Another engine had to answer for the probe; one that was given its time is as silent as before."""
        if waited_s >= PROBE_S:
            self.fail(self.why, probe=True)
        else:
            self.give_up()

    def give_up(self) -> None:
        """The probe ended without saying anything of the engine: the next question may probe."""
        self._probing = False
