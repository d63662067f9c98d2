"""The embedder on a list of texts, in one call, with the threads that the index service has.

python -m benchmarks.ingestion.embedder_alone PASSAGES CACHE
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from retrieval.embedders.loading import load_embedder
from retrieval.embedders.model_folders import PACKAGED_MODEL


def main() -> None:
    texts = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    embedder = load_embedder(PACKAGED_MODEL, Path(sys.argv[2]), threads=os.cpu_count() or 1)
    embedder.embed(texts[:16])
    begun, processor = time.monotonic(), time.process_time()
    embedder.embed(texts)
    print(json.dumps({"seconds": time.monotonic() - begun, "processor_s": time.process_time() - processor}))


if __name__ == "__main__":
    main()
