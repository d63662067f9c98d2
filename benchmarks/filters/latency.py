"""What rules about content cost an answer: `python -m benchmarks.filters.latency`.

The set-up of benchmarks.web, with retrieval, over the page's socket: first text without rules, with rules on questions
and passages (all kinds), and with rules on answers too, whose hold-back window waits for text by design.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.running import Running
from benchmarks.web import Bench, People, provider

_ROUNDS = 25
_MOST = 20
_WHOLE = ("toxicity", "self_harm", "jailbreak", "harmful")
_PIECES = ("email", "phone", "card", "iban", "us_ssn", "ip_address", "secret", "hidden_text")


def add_rules(where: str, *kinds: str) -> None:
    from chatapp.safety.models import FilterRule

    FilterRule.objects.bulk_create(FilterRule(what=kind, where=where, action="warn") for kind in kinds)


def report(name: str, bench: Bench) -> None:
    time.sleep(1.5)  # a process keeps rules for a second
    for turns in (1, _MOST):
        row = bench.row("websocket", turns)
        first = f"first text p50 {row['p50']:6.1f}  p95 {row['p95']:6.1f} ms"
        cpu = f"cpu of the web process {row['cpu_first_ms']:5.1f} ms until then, {row['cpu_ms']:5.1f} in all"
        print(f"{name:24} {turns:3} turns  {first}  {cpu}  all text {row['all_s']:.2f} s", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fn-bench-") as folder, provider() as port:
        footnote = Running(Path(folder))
        footnote.environment |= {
            "INFERENCE_API_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "INFERENCE_API_MODEL": "double",
        }
        try:
            footnote.start()
            bench = Bench(footnote, People(footnote.var, _MOST), _ROUNDS)
            bench.people.read(True)
            report("no rules", bench)
            add_rules("question", *_WHOLE, *_PIECES)
            add_rules("passages", "injection", *_PIECES)
            report("questions and passages", bench)
            add_rules("answer", "toxicity", *_PIECES)
            report("answers too", bench)
        finally:
            footnote.stop()


if __name__ == "__main__":
    main()
