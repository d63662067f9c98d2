"""Who runs a turn: this process, under a name that no other one has, before or after it."""

from __future__ import annotations

import uuid

RUNNER = uuid.uuid4()
