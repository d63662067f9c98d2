"""How long what somebody has lost goes on: `make bench-revocation`.

    python -m benchmarks.revocation [--rounds N]

Two web processes with a real Redis and Postgres; a person with a socket at each, an answer that is being written, a
stream of the API and a download. Then one thing is taken in a third process: account, group, role, readers of the
collection, API key, session, or the organisation, which is closed or left. Printed are the seconds from the commit to
the end of each, as the person sees it, over all rounds (p50, p95 and the longest); it fails where p95 of all is 5 s
or more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

_TEST = "tests/access/test_revocation.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="of each kind of loss")
    rounds = parser.parse_args().rounds
    command = [sys.executable, "-m", "pytest", _TEST, "-m", "slow", "-s", "-q", "-p", "no:warnings"]
    raise SystemExit(subprocess.run(command, env={**os.environ, "ROUNDS": str(rounds)}, check=False).returncode)


if __name__ == "__main__":
    main()
