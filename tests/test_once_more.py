"""What `make test` does about tests that fail among others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.__main__ import MOST_AGAIN, run


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")  # a project of its own
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return tmp_path


def written(suite: Path, *bodies: str) -> Path:
    tests = [f"def test_{number}():\n    {body}\n" for number, body in enumerate(bodies)]
    (suite / "test_some.py").write_text("from pathlib import Path\nseen = Path('seen')\n" + "\n".join(tests))
    return suite


ONCE = "before = seen.exists(); seen.touch(); assert before"


def test_what_fails_among_the_others_and_passes_by_itself_is_named(
    suite: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(written(suite, "pass", ONCE), ()) == 0
    last = capfd.readouterr().out.rstrip().splitlines()[-2:]
    assert last == [
        "FAILED AMONG THE OTHERS, PASSED BY ITSELF: not steady, to be mended",
        "  test_some.py::test_1",
    ]


def test_what_fails_by_itself_fails_the_run(suite: Path) -> None:
    assert run(written(suite, "pass", "assert False", ONCE), ()) == 1


def test_many_failures_are_not_tried_again(suite: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(written(suite, *["assert not seen.touch() and False"] * (MOST_AGAIN + 1)), ()) == 1
    assert "once more" not in capfd.readouterr().out


def test_a_run_that_could_not_begin_or_finds_nothing_is_not_tried_again(
    suite: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(suite, ("--no-such-option",)) == 4
    assert run(suite, ()) == 5
    assert "once more" not in capfd.readouterr().out


def test_a_clean_run_is_one_run(suite: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(written(suite, "pass"), ()) == 0
    assert capfd.readouterr().out.count("test session starts") == 1
