"""Kills the process groups that its parent named, when the parent is gone. Standard library only: it starts at once."""

import os
import signal
import sys
import time

groups: set[int] = set()
for line in sys.stdin:
    if line.startswith("bye"):
        sys.exit(0)
    if line[0] == "+":
        groups.add(int(line[1:]))
    elif line[0] == "-":
        groups.discard(int(line[1:]))
for number, pause in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 0.0)):
    for group in groups:
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            continue
    time.sleep(pause)
