"""The content filters on third-party sets, beside a word list and plain rules: `make bench-filters`.

    python -m benchmarks.filters [--data FOLDER] [--split heldout|dev] [--fit]

Where the sets have no heldout part, rows of the dev part are judged by heads that were fitted without their fold;
sets that nothing was learned from (hatecheck, xstest, the first 2,000 questions of SQuAD) by the heads that the product
ships. `--fit` fits those anew, to the dev part. What was embedded is kept under var/benchmark.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
django.setup()

from benchmarks.filters import fitting, lessons, personal, report, sets  # noqa: E402
from benchmarks.filters.fitting import Taught  # noqa: E402
from benchmarks.filters.learning import Matrices  # noqa: E402
from benchmarks.filters.sets import FOLDS, Row  # noqa: E402
from benchmarks.retrieval_sets.candidates import CachedEmbedder  # noqa: E402
from chatapp.safety.learned.heads import Heads, heads  # noqa: E402
from retrieval.embedders.loading import load_embedder  # noqa: E402
from retrieval.embedders.model_folders import PACKAGED_MODEL  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the sets")
    parser.add_argument("--split", choices=["dev", "heldout"], help="heldout, where there is one")
    parser.add_argument("--fit", action="store_true", help="fit the heads that the product ships, to the dev part")
    parser.add_argument("--cache", type=Path, default=Path("var/benchmark"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    split = given.split or ("heldout" if sets.has_heldout(given.data) else "dev")
    model = load_embedder(PACKAGED_MODEL, given.cache.parent / "cache", threads=given.threads)
    embedder = CachedEmbedder(model, given.cache / "vectors")
    taught = teach(given.data, Matrices(embedder.embed)) if given.fit or split == "dev" else {}
    if given.fit:
        fitting.write(taught)
        heads.cache_clear()
    report.table(given.data, split, judges(taught, split), embedder.embed, model.embed)
    personal.report(given.data, split)


def teach(data: Path, matrices: Matrices) -> dict[str, tuple[Taught, Taught]]:
    taught = {}
    for lesson in lessons.lessons(data):
        taught[lesson.kind] = fitting.teach(lesson, matrices)
        print(f"{lesson.kind}: fitted to {sum(len(lot.rows) for lot in lesson.lots.values())} texts", flush=True)
    return taught


def judges(taught: dict[str, tuple[Taught, Taught]], split: str) -> Callable[[Row], Heads]:
    """By which heads a row is judged."""
    if split == "heldout":
        return lambda row: heads()
    without = [fitting.without_fold(taught, fold) for fold in range(FOLDS)]
    return lambda row: heads() if row.fold < 0 else without[row.fold]


if __name__ == "__main__":
    main()
