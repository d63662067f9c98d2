"""What is vendored is what was vendored."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("folder", ["static/vendor", "tests/browser/vendor"])
def test_each_vendored_file_has_the_listed_hash_and_no_other_file_lies_there(folder: str) -> None:
    vendor = ROOT / folder
    listed = {
        name: digest
        for digest, name in (line.split(maxsplit=1) for line in (vendor / "SHA256SUMS").read_text().splitlines())
    }
    found = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.parent != vendor
    }
    assert found == listed
