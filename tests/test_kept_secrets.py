"""Secrets that are made at first use: never empty, never two, whatever a crash left in their files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_settings import started

NAMES = ("secret-key", "internal-token", "key-encryption-keys")
CODE = "from django.conf import settings as s; print(s.SECRET_KEY, s.INTERNAL_TOKEN, *s.KEY_ENCRYPTION_KEYS)"


def secrets_of(var: Path) -> list[str]:
    done = started("-c", CODE, **environment(var))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def environment(var: Path) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "chatapp.settings", "CHATAPP_VAR_DIR": str(var)}


@pytest.mark.parametrize("left", [None, b"", b"\n", b"\0\0\0\0"], ids=["nothing", "empty", "a line end", "zeros"])
def test_a_secret_file_that_a_crash_left_empty_is_made_anew_and_kept(tmp_path: Path, left: bytes | None) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    for name in NAMES if left is not None else ():
        (folder / name).write_bytes(left or b"")
    made = secrets_of(tmp_path)
    assert len(set(made)) == 3 and all(len(secret) >= 48 for secret in made)
    assert made == [(folder / name).read_text() for name in NAMES] == secrets_of(tmp_path)
    assert {(folder / name).stat().st_mode & 0o777 for name in NAMES} == {0o600}
    assert sorted(path.name for path in folder.iterdir()) == sorted(NAMES)


def test_processes_that_start_at_once_on_empty_files_agree(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from chatapp.kept_secret import kept_secret\n"
        "print(kept_secret(Path(sys.argv[1])))"
    )
    path = tmp_path / "secrets" / "internal-token"
    path.parent.mkdir()
    path.touch()
    command = [sys.executable, "-c", code, str(path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = {process.communicate(timeout=30)[0].strip() for process in running}
    assert said == {path.read_text()}


def test_a_secret_file_that_holds_no_text_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "internal-token").write_bytes(b"\xff\xfe\xff")
    done = started("-c", CODE, **environment(tmp_path))
    assert done.returncode != 0
    assert "internal-token holds no text. Remove it" in done.stderr
