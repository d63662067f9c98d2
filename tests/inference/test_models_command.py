"""`manage.py models` from a local file to a download that resumes."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from gguf import GGUFWriter

from tests.tiny_gguf import make, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def models_dir(tmp_path: Path, settings: Any) -> Path:
    settings.INFERENCE = replace(settings.INFERENCE, models_dir=tmp_path / "models")
    return tmp_path / "models"


def _models(*arguments: str) -> Any:
    out = StringIO()
    call_command("models", *arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def test_the_first_model_added_is_the_default_until_another_is_chosen(tmp_path: Path) -> None:
    first = _models("add", str(make(tmp_path / "one.gguf")))
    assert (first["default"], first["quantization"], first["context_tokens"]) == (True, "F16", 4096)
    assert not _models("add", str(tmp_path / "one.gguf"), "--name", "two")["default"]
    assert _models("default", "two")["default"]
    assert {m["name"]: m["default"] for m in _models("list")["models"]} == {"one": False, "two": True}


def test_removing_a_model_leaves_a_file_that_was_not_pulled(tmp_path: Path, models_dir: Path) -> None:
    path = make(tmp_path / "one.gguf")
    _models("add", str(path))
    assert _models("remove", "one") == {"removed": "one", "default": None}
    assert path.exists() and _models("list") == {"models": []}


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model", b"GGUF" + b"\xff" * 5000])
def test_a_file_that_is_no_model_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(CommandError, match="model"):
        _models("add", str(tmp_path / "bad.gguf"))


def test_a_model_cut_short_is_refused(tmp_path: Path) -> None:
    whole = make(tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match="model"):
        _models("add", str(tmp_path / "cut.gguf"))


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc/passwd.gguf",
        "hub:../../x.gguf",
        "ftp://host/x.gguf",
        "http://h/x",
        f"http://h/{'x' * 1000}/y.gguf",
        "http://h/\udcff.gguf",
        "",
    ],
)
def test_a_source_that_is_not_a_model_on_the_web_is_refused(models_dir: Path, source: str) -> None:
    with pytest.raises(CommandError):
        _models("pull", source)


@pytest.mark.parametrize("arguments", [("remove", "\udcff"), ("default", "x\udcff"), ("add", "/tmp/\udcff.gguf")])
def test_a_name_that_is_no_text_is_told(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="not UTF-8 text"):
        _models(*arguments)


def test_a_path_or_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(5):
        folder /= "d" * 200
    folder.mkdir(parents=True)
    with pytest.raises(CommandError, match="longer than 1000"):
        _models("add", str(make(folder / "one.gguf")))
    with pytest.raises(CommandError, match="cannot be read"):
        _models("add", str(tmp_path / ("x" * 300)))
    with pytest.raises(CommandError, match="no model of that name"):
        _models("remove", "x" * 5000)


@pytest.mark.parametrize("action", ["remove", "default"])
def test_an_unknown_name_is_told(action: str) -> None:
    with pytest.raises(CommandError, match="no model of that name"):
        _models(action, "nobody")


def test_removing_the_default_leaves_the_latest_of_the_others_as_the_default(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        _models("add", str(make(tmp_path / f"{name}.gguf")))
    assert _models("remove", "two") == {"removed": "two", "default": "one"}
    assert _models("remove", "one") == {"removed": "one", "default": "three"}


def test_a_second_file_does_not_take_the_name_of_a_model_by_chance(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    first = _models("add", str(make(tmp_path / "one.gguf")))
    with pytest.raises(CommandError, match=r"Another model has this name.*--name"):
        _models("add", str(make(tmp_path / "elsewhere" / "one.gguf", seed=1)))
    assert _models("list") == {"models": [first]}


def test_a_file_that_was_changed_may_be_added_again(tmp_path: Path) -> None:
    before = _models("add", str(make(tmp_path / "one.gguf")))
    after = _models("add", str(make(tmp_path / "one.gguf", seed=1)))
    assert before["sha256"] != after["sha256"] and len(_models("list")["models"]) == 1


def test_strange_metadata_does_not_stop_a_model_from_being_added(tmp_path: Path) -> None:
    writer = GGUFWriter(str(tmp_path / "strange.gguf"), "llama")
    writer.add_license("nobody's\0" * 100)
    writer.add_uint64("llama.context_length", 2**63)
    writer.add_tensor("x", np.ones((2, 2), dtype=np.float32))
    write(writer, tmp_path / "strange.gguf")
    model = _models("add", str(tmp_path / "strange.gguf"))
    assert model["context_tokens"] == 2**31 - 1 and len(model["licence"]) == 200


def test_the_list_for_people_marks_the_default(tmp_path: Path) -> None:
    out = StringIO()
    call_command("models", "list", stdout=out)
    assert "No model yet" in out.getvalue()
    _models("add", str(make(tmp_path / "one.gguf")))
    call_command("models", "list", stdout=out)
    assert "* one  " in out.getvalue()
