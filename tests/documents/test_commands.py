"""ingest from the command line, with a real worker."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command

from chatapp.accounts.models import User
from chatapp.commands import Error
from retrieval.models import Collection, Document
from tests.ingestion.worker import Worker


@pytest.fixture
def broker_url() -> str:
    return ""


def ingest(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    out = StringIO()
    try:
        call_command("ingest", *arguments, "--collection", "Handbook", "--json", stdout=out)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(out.getvalue())["documents"]


def test_folders_are_ingested_and_each_file_reported(
    configured: Any,
    boss: User,
    worker: Worker,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "docs" / "deep"
    folder.mkdir(parents=True)
    (folder / "leave.md").write_text("# Leave\n\nEveryone has 28 days of leave.")
    (folder / ".hidden").write_text("no")
    assert ingest(str(tmp_path / "docs"))[0] == 0
    (folder / "empty.pdf").write_bytes(b"")
    code, report = ingest(str(tmp_path / "docs"), str(tmp_path / "nowhere"))
    assert code == 1
    names = [Path(entry["document"]).name for entry in report]
    assert dict(zip(names, [entry["status"] for entry in report], strict=True)) == {
        "empty.pdf": "failed",
        "leave.md": "duplicate",
        "nowhere": "failed",
    }
    assert all(entry["error"] for entry in report if entry["status"] == "failed")
    assert Collection.objects.get().name == "Handbook"


def test_what_cannot_be_read_is_in_the_report_and_the_others_go_on(
    configured: Any, boss: User, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs" / "closed").mkdir(parents=True)
    (tmp_path / "docs" / "leave.md").write_text("Everyone has 28 days of leave.")
    scan = os.scandir

    def refusing(path: Any) -> Any:
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)  # root may read every folder
    unreadable = ["/proc/self/mem", "x" * 300, str(tmp_path / ("y" * 5000)), "\udcff"]
    code, report = ingest(*unreadable, str(tmp_path / "docs"))
    assert code == 1
    found = {Path(entry["document"]).name[:9]: (entry["status"], entry["error"]) for entry in report}
    assert found.pop("leave.md") == ("ready", None)
    assert len(found) == 5 and all(status == "failed" and error for status, error in found.values())
    assert "Input/output error" in str(found["mem"]) and "folder" in str(found["closed"])
    assert "File name too long" in str(found["xxxxxxxxx"])


@pytest.mark.parametrize("name", ["\udcff", "", "x" * 121])
def test_ingest_makes_no_collection_of_a_name_that_cannot_be(
    configured: Any, boss: User, tmp_path: Path, name: str
) -> None:
    with pytest.raises(Error, match=r"UTF-8|1 to 120"):
        call_command("ingest", str(tmp_path), "--collection", name)
    assert not Collection.objects.exists()


def test_ingest_makes_no_collection_for_files_that_are_not_there(configured: Any, boss: User, tmp_path: Path) -> None:
    assert ingest("/no/such/path", "/proc/self/mem")[0] == 1
    (tmp_path / "empty").mkdir()
    assert ingest(str(tmp_path / "empty")) == (0, [])
    assert not Collection.objects.exists()


def test_ingest_says_when_nothing_moves_and_still_reports(configured: Any, boss: User, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    out = StringIO()
    with pytest.raises(Error, match=r"No document moved for 0\.5 s\. No worker takes them"):
        call_command("ingest", str(tmp_path / "a.txt"), "--collection", "H", "--json", "--patience", "0.5", stdout=out)
    assert json.loads(out.getvalue())["documents"][0]["status"] == "received"
    assert Document.objects.count() == 1


def test_only_administrators_ingest(configured: Any, boss: User, tmp_path: Path) -> None:
    User.objects.create_user("bob")
    with pytest.raises(Error, match="Only administrators"):
        call_command("ingest", str(tmp_path), "--collection", "H", "--user", "bob")
    assert not Collection.objects.exists()


def test_without_an_administrator_there_is_a_sentence(configured: Any, transactional_db: None) -> None:
    with pytest.raises(Error, match="no administrator yet"):
        call_command("ingest", ".", "--collection", "H")


def test_an_absent_database_is_one_sentence_and_exit_3(tmp_path: Path) -> None:
    done = subprocess.run(
        ["./manage.py", "search", "How?", "--json"],
        env={
            **os.environ,
            "DATABASE_URL": f"postgres://x@{str(tmp_path).replace('/', '%2F')}/none",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        cwd=django_settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(
        r"Error: The database cannot be reached \(.*No such file or directory\)\. Start .*\n", done.stderr
    )


def test_what_is_not_understood_is_exit_2(transactional_db: None) -> None:
    for arguments in ([], ["a", "--batch", "b"]):
        with pytest.raises(Error, match="Give either a question or --batch") as refused:
            call_command("search", *arguments)
        assert refused.value.returncode == 2
    line = [sys.executable, "manage.py", "search", "--nothing"]
    done = subprocess.run(line, cwd=django_settings.BASE_DIR, capture_output=True, timeout=60)
    assert done.returncode == 2


def test_one_passage_is_not_several(configured: Any, boss: User, worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    out = StringIO()
    call_command("ingest", str(tmp_path / "a.txt"), "--collection", "H", stdout=out)
    assert out.getvalue().endswith(": 1 passage\n")


def test_a_wrong_collection_is_answered_with_at_most_five_of_those_there_are(transactional_db: None) -> None:
    User.objects.create_superuser("boss")
    with pytest.raises(Error, match=r"named 'X' that you can see\. There is none yet"):
        call_command("search", "How?", "--collection", "X")
    Collection.objects.bulk_create(Collection(name=f"C{number}") for number in range(7))
    with pytest.raises(Error, match=r"You can see 'C0', 'C1', 'C2', 'C3', 'C4' and 2 more\.$"):
        call_command("search", "How?", "--collection", "X")
