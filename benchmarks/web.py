"""What one web process makes of many questions at once: `make bench-web`.

    python -m benchmarks.web [--turns 1,20,100,300] [--doors websocket,api] [--only without|with] [--rounds N]

Footnote runs as `manage.py up` starts it: one web process, embedded Postgres, no Redis, the index service with the
sample collection, and as its endpoint a provider double (benchmarks.streaming_provider) that writes 64 tokens, the
first at once, then one each 20 ms. Askers are different people on connections that are open and signed in before the
clock starts; all of them ask in the same moment. Client, double, index service, Postgres and web process share the
machine.

- first text: from sending the question to the first text at the client, over all turns of all rounds;
- all text: until the last frame of the slowest turn (1.26 s are the double's own);
- wrong: answers whose text is not, character for character, what the double wrote for this very question;
- cpu: processor time of the web process for each turn, until the last of them has its first text, and in all;
- memory: proportional share (PSS) of the web process after the rounds of the row.

"without" retrieval the askers may read no collection, so nothing is searched; "with" they read the sample collection.
Goals for p95 without retrieval: 15, 60, 200 and 600 ms at 1, 20, 100 and 300 turns. Open WebUI 0.12.4 took 26, 234,
1,620 and 6,360 ms on such a machine, over its chat API.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.running import Running, families, free_port

GOALS_MS = {1: 15, 20: 60, 100: 200, 300: 600}
ROUNDS = {1: 30, 20: 8, 100: 4, 300: 3}
_WARM_UP = 20
_CLIENT_S = 180


@contextmanager
def provider() -> Iterator[int]:
    """-> its port"""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.streaming_provider", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("The provider double did not start.")
        yield port
    finally:
        process.kill()
        process.wait()


class People:
    """Askers of Footnote's own database, with a session and a key each; the benchmark is a Django process for that."""

    def __init__(self, var: Path, count: int) -> None:
        os.environ |= {"CHATAPP_VAR_DIR": str(var), "DJANGO_SETTINGS_MODULE": "chatapp.settings"}
        import django

        django.setup()
        from django.contrib.auth.models import Group

        from chatapp.accounts.models import User

        self._group = Group.objects.create(name="askers")
        made = User.objects.bulk_create(User(username=f"asker-{n}", password="!") for n in range(count))
        self._group.user_set.add(*made)
        self.secrets = {"websocket": [_session(user) for user in made], "api": [_key(user) for user in made]}

    def read(self, everything: bool) -> None:
        from retrieval.models import Collection

        Collection.objects.update(everyone=False)
        for collection in Collection.objects.all():
            collection.readers.set([self._group] if everything else [])


def _session(user: Any) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from chatapp.accounts.sessions import SessionStore
    from chatapp.directory.order import LOCAL

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = LOCAL
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def _key(user: Any) -> str:
    from chatapp.accounts.keys import create_key

    return create_key(user=user, name="benchmark")


class Bench:
    def __init__(self, footnote: Running, people: People, rounds: int) -> None:
        self._footnote, self.people, self._rounds = footnote, people, rounds
        self._numbers = iter(range(10**9))
        self._web = web_process(footnote)

    def round(self, door: str, turns: int) -> dict[str, Any]:
        secrets = self.people.secrets[door][:turns]
        askers = [{"secret": secret, "number": next(self._numbers)} for secret in secrets]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.web_client"],
            input=json.dumps({"port": self._footnote.port, "door": door, "pid": self._web, "askers": askers}),
            stdout=subprocess.PIPE,
            text=True,
            timeout=_CLIENT_S,
            check=True,
        )
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome

    def row(self, door: str, turns: int) -> dict[str, Any]:
        self.round(door, min(_WARM_UP, turns))
        rounds = [self.round(door, turns) for _ in range(self._rounds or ROUNDS.get(turns, 3))]
        found = [one for outcome in rounds for one in outcome["turns"]]
        first = sorted(one["first_ms"] for one in found)
        return {
            "p50": median(first),
            "p95": quantiles(first, n=20, method="inclusive")[-1] if len(first) > 1 else first[0],
            "all_s": max(one["total_ms"] for one in found) / 1000,
            "wrong": [one["got"] for one in found if not one["right"]],
            "of": len(found),
            "cpu_first_ms": sum(one["cpu_until_first_s"] for one in rounds) / len(found) * 1000,
            "cpu_ms": sum(one["cpu_s"] for one in rounds) / len(found) * 1000,
            "memory": self._footnote.memory("web")["web"].pss / 1e6,
        }


def web_process(footnote: Running) -> int:
    assert footnote.process is not None
    command_of = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in families(footnote.process.pid)}
    return next(pid for pid, command in command_of.items() if "uvicorn" in command)


def table(bench: Bench, arguments: argparse.Namespace) -> None:
    for retrieval in ("without", "with"):
        if arguments.only not in ("", retrieval):
            continue
        bench.people.read(retrieval == "with")
        for door in arguments.doors.split(","):
            for turns in map(int, arguments.turns.split(",")):
                row = bench.row(door, turns)
                goal = f"  goal {GOALS_MS[turns]}" if retrieval == "without" and turns in GOALS_MS else ""
                print(
                    f"{door:9} {retrieval:7} {turns:4} turns  first text p50 {row['p50']:6.0f}  p95 {row['p95']:6.0f}"
                    f" ms{goal:10}  all text {row['all_s']:5.2f} s  wrong {len(row['wrong'])} of {row['of']}"
                    f"  cpu {row['cpu_first_ms']:4.1f} of {row['cpu_ms']:4.1f} ms a turn"
                    f"  memory {row['memory']:4.0f} MB",
                    flush=True,
                )
                for got in row["wrong"][:2]:
                    print(f"    {got}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", default="1,20,100,300")
    parser.add_argument("--doors", default="websocket,api")
    parser.add_argument("--only", default="", choices=["", "without", "with"])
    parser.add_argument("--rounds", type=int, default=0)
    arguments = parser.parse_args()
    most = max(map(int, arguments.turns.split(",")))
    with tempfile.TemporaryDirectory(prefix="fn-bench-") as folder, provider() as port:
        footnote = Running(Path(folder))
        footnote.environment |= {
            "INFERENCE_API_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "INFERENCE_API_MODEL": "double",
        }
        try:
            footnote.start()
            table(Bench(footnote, People(footnote.var, max(most, _WARM_UP)), arguments.rounds), arguments)
        finally:
            footnote.stop()


if __name__ == "__main__":
    main()
