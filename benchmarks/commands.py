"""The same question sets through the product's own commands, on a Footnote that runs.

    manage.py up                                     # in another terminal
    python -m benchmarks.commands [--data FOLDER] [--set rag-multi-corpus] [--set xquad-de]

`manage.py ingest` brings each set into a collection of its own name (a second run finds duplicates and goes on), then
`manage.py search --batch` answers its questions. A document is worth as much as its best passage. The rate is that of
the whole path: parsing, embedding, storing, indexing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.ranking import MEASURES, Judged, measures
from benchmarks.retrieval_sets.sets import SETS, Question, Source

MANAGE = [sys.executable, "manage.py"]
_LIMIT_S = 3600


def written(source: Source, folder: Path) -> Path:
    """Texts without a file get one."""
    if source.path is not None:
        return source.path
    path = folder / f"{source.name}.txt"
    path.write_text(source.text)
    return path


def ingest(name: str, files: list[tuple[str, Path]]) -> dict[str, str]:
    """-> what the questions call each document, by the path that search prints"""
    begun = time.monotonic()
    command = [*MANAGE, "ingest", *(str(path) for _, path in files), "--collection", name, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_LIMIT_S, check=False)
    documents = json.loads(done.stdout)["documents"]
    outcomes = [one["status"] for one in documents]
    counted = ", ".join(f"{outcomes.count(status)} {status}" for status in sorted(set(outcomes)))
    seconds, passages = time.monotonic() - begun, sum(one["passages"] or 0 for one in documents)
    print(f"\n{name}: {counted}; {passages} passages in {seconds:.0f} s", end="")
    print(
        f" ({passages / seconds:.1f} passages, {len(files) / seconds:.1f} files a second)"
        if "ready" in outcomes
        else ""
    )
    return {str(path): gold for gold, path in files}


def search(name: str, questions: Sequence[Question], k: int) -> list[list[str]]:
    """-> for each question the paths that were found, best first"""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as batch:
        for number, question in enumerate(questions):
            batch.write(json.dumps({"id": number, "question": question.text}) + "\n")
        batch.flush()
        command = [*MANAGE, "search", "--batch", batch.name, "--collection", name, "-k", str(k), "--json"]
        begun = time.monotonic()
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_LIMIT_S, check=True)
    print(f"{len(questions)} questions in {time.monotonic() - begun:.0f} s")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [[hit["document"] for hit in row["results"]] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the question sets")
    parser.add_argument("--set", dest="sets", action="append", choices=sorted(SETS))
    parser.add_argument("--scratch", type=Path, default=Path("var/benchmark"), help="where files of a set are written")
    parser.add_argument("-k", type=int, default=20, help="passages for each question")
    arguments = parser.parse_args()
    for name in arguments.sets or ["rag-multi-corpus"]:
        folder = arguments.scratch / name
        folder.mkdir(parents=True, exist_ok=True)
        corpus = SETS[name](arguments.data)
        golds = ingest(name, [(source.name, written(source, folder)) for source in corpus.sources])
        found = search(name, corpus.questions, arguments.k)
        judged = [
            Judged(list(dict.fromkeys(golds[path] for path in paths)), question.gold)
            for question, paths in zip(corpus.questions, found, strict=True)
        ]
        figures = measures(judged)
        print("".join(f"{measure:>9}" for measure in MEASURES))
        print("".join(f"{figures[measure]:9.3f}" for measure in MEASURES), flush=True)


if __name__ == "__main__":
    main()
