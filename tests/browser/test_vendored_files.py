"""What is vendored is what was vendored."""

from __future__ import annotations

import hashlib
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"


def test_each_vendored_file_has_the_listed_hash_and_no_other_file_lies_there() -> None:
    listed = {
        name: digest
        for digest, name in (line.split(maxsplit=1) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    }
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.parent != VENDOR
    }
    assert found == listed
