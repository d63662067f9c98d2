"""What the documents list is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from chatapp.conversations.frames import CLIENT_FRAMES, SERVER_FRAMES

ROOT = Path(__file__).resolve().parent.parent.parent


def test_each_setting_is_documented_and_exists():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "chatapp" / "settings.py").read_text()))
    documented = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "settings.md").read_text(), re.M))
    assert documented == read


def test_each_frame_is_documented():
    documented = set(re.findall(r"^\| `([a-z]+)`", (ROOT / "docs" / "protocol.md").read_text(), re.M))
    assert documented == {*CLIENT_FRAMES, *SERVER_FRAMES}


def test_each_command_is_named_in_the_documents():
    commands = {
        path.stem
        for folder in ROOT.glob("*/**/management/commands")
        if ".venv" not in folder.parts and "var" not in folder.parts
        for path in folder.glob("*.py")
        if path.stem != "__init__"
    }
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(path.read_text() for path in documents)
    assert len(commands) >= 8
    assert {name for name in commands if not re.search(rf"\b{name}\b", text)} == set()
