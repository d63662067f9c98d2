"""`manage.py models quantize`, `prune` and `bench` on files of random weights, by llama.cpp itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inference.gguf_files import read_gguf
from inference.jobs import work
from inference.llama.model import LlamaModel
from inference.models import Job, ModelVersion
from tests import tiny_gguf

pytestmark = pytest.mark.django_db
TEXT = "There is a house with three doors. Behind the third one there is a stair that leads up to the roof. " * 8


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.INFERENCE = replace(settings.INFERENCE, models_dir=tmp_path / "models", threads=1, streams=2)
    return tmp_path / "models"


@pytest.fixture
def parent(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    """Six layers."""
    monkeypatch.setattr(tiny_gguf, "LAYERS", 6)
    call_command("models", "add", str(tiny_gguf.make(tmp_path / "parent.gguf")), stdout=StringIO())
    return ModelVersion.objects.get(name="parent")


@pytest.fixture
def models(tmp_path: Path, parent: ModelVersion) -> Callable[..., Any]:
    """Runs an action; the comparisons take a short text and one question, so that each takes moments."""
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "questions.txt").write_text("How many doors has the house?\n\nWhere does the stair lead?\n")

    def run(action: str, *arguments: str) -> Any:
        out, err = StringIO(), StringIO()
        material = ["--text", str(tmp_path / "text.txt"), "--questions", str(tmp_path / "questions.txt")]
        call_command("models", action, *arguments, *material, "--json", stdout=out, stderr=err)
        return json.loads(out.getvalue()) | {"said": err.getvalue()}

    return run


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_quantized_model_is_smaller_and_both_are_measured(
    models: Callable[..., Any], parent: ModelVersion, folder: Path
) -> None:
    made = models("quantize", "parent", "--to", "q8_0")
    small = ModelVersion.objects.get(name="parent-q8_0")
    assert (small.parent, small.quantization, small.default) == (parent, "Q8_0", False)
    assert (small.source, small.licence) == ("parent to Q8_0", "apache-2.0")
    assert read_gguf(Path(small.path)).quantization == "Q8_0" and small.size < parent.size * 0.6
    before, after = made["before"], made["after"]
    assert (before["size"], after["size"]) == (parent.size, small.size)
    for found in (before, after):
        assert found["prefill_tokens_s"] > 0 and found["decode_tokens_s"] > 0 and found["memory_bytes"] > 0
    assert "agreement" not in before and after["agreement"] > 0.9 and 0 <= after["divergence"] < 0.01
    assert after["answer_agreement"] > 0.8 and abs(after["perplexity"] / before["perplexity"] - 1) < 0.05
    parent.refresh_from_db()
    assert parent.measured["perplexity"] == before["perplexity"] and small.measured["agreement"] == after["agreement"]
    assert parent.measured["text"] == small.measured["text"]
    assert _left(folder) == ["parent-q8_0.gguf"]


def test_a_format_that_does_not_fit_the_width_is_told_before_and_after(models: Callable[..., Any]) -> None:
    made = models("quantize", "parent", "--to", "Q4_K_M", "--name", "small")
    assert "no multiple of 256" in made["said"]
    assert made["fallbacks"] > 0 and made["model"]["quantization"].startswith("Q4_K_M, mostly ")


def test_a_pruned_model_has_the_layers_that_are_left_and_says_what_it_costs(
    models: Callable[..., Any], parent: ModelVersion
) -> None:
    made = models("prune", "parent", "--layers", "1-2, 4")
    small = ModelVersion.objects.get(name="parent-3-layers")
    assert read_gguf(Path(small.path)).layers == 3 and small.source == "parent without 3 layers (1,2,4)"
    assert small.quantization == "F16" and small.size < parent.size * 0.8
    assert made["after"]["agreement"] < made["before"].get("agreement", 1.0) and made["after"]["divergence"] > 0
    LlamaModel(Path(small.path)).close()
    assert "hold what the others build on" not in made["said"]


def test_pruning_can_quantize_as_well_and_warns_of_the_outermost_layers(models: Callable[..., Any]) -> None:
    made = models("prune", "parent", "--layers", "0,5", "--to", "Q4_0", "--name", "four")
    assert "first and the last layer" in made["said"]
    facts = read_gguf(Path(made["model"]["path"]))
    assert (facts.layers, facts.quantization, made["model"]["parent"]) == (4, "Q4_0", "parent")


def test_bench_measures_a_model_alone_or_beside_its_parent(models: Callable[..., Any], folder: Path) -> None:
    alone = models("bench", "parent")
    assert "before" not in alone and "agreement" not in alone["after"] and alone["model"]["measured"]["threads"] == 1
    models("quantize", "parent", "--to", "Q8_0", "--name", "small")
    beside = models("bench", "small")
    assert beside["before"]["perplexity"] == pytest.approx(alone["after"]["perplexity"])
    assert 0.9 < beside["after"]["agreement"] <= 1
    twin = ModelVersion.objects.get(name="small")
    ModelVersion.objects.filter(pk=twin.pk).update(path=ModelVersion.objects.get(name="parent").path)
    same = models("bench", "small")["after"]
    assert (same["agreement"], same["answer_agreement"]) == (1.0, 1.0) and same["divergence"] < 1e-3
    assert _left(folder) == ["small.gguf"]


def test_a_table_for_people_sets_before_beside_after(models: Callable[..., Any], tmp_path: Path) -> None:
    out, err = StringIO(), StringIO()
    text = str(tmp_path / "text.txt")
    call_command("models", "quantize", "parent", "--to", "Q4_0", "--text", text, stdout=out, stderr=err)
    lines = out.getvalue().splitlines()
    assert lines[0] == "parent-q4_0, made of parent:" and lines[1].split() == ["BEFORE", "AFTER"]
    rows = {line[:22].strip(): line[22:].split() for line in lines[2:]}
    before, unit, after, unit_after = rows["size"]
    assert (unit, unit_after) == ("MB", "kB") and float(before) > 1 > float(after) / 1000
    assert len(rows["perplexity"]) == 2
    assert rows["same next token"][-1] == "%" and " %  after: " in err.getvalue()
    call_command("models", "list", stdout=out)
    assert "parent-q4_0  file  ready" in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("prune", "parent", "--layers=0-5"), "nothing would be left"),
        (("prune", "parent", "--layers=3,6"), r"layers 0 to 5, and no 6"),
        (("prune", "parent", "--layers=4-2"), "names no layers"),
        (("prune", "parent", "--layers=x"), "names no layers"),
        (("prune", "parent", "--layers=,"), "No layers are named"),
        (("prune", "parent", "--layers=-1"), "names no layers"),
        (("quantize", "parent", "--to", "Q99"), r"no format 'Q99'.*Q4_K_M"),
        (("quantize", "parent", "--to", "IQ1_S"), "no format"),
        (("quantize", "parent", "--to", "F16"), "F16 already"),
        (("quantize", "nobody", "--to", "Q4_0"), "no model of that name"),
        (("quantize", "parent", "--to", "Q4_0", "--name", "parent"), "Another model has this name"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_done(
    models: Callable[..., Any], arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        models(*arguments)
    assert not Job.objects.exists()


def test_a_text_that_is_too_short_or_too_long_or_absent_is_told(models: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Too short.")
    with pytest.raises(CommandError, match="text is too short"):
        models("bench", "parent")
    (tmp_path / "text.txt").write_text("x" * 400_001)
    with pytest.raises(CommandError, match="more than 400000 characters"):
        models("bench", "parent")
    (tmp_path / "text.txt").unlink()
    with pytest.raises(CommandError, match="cannot be read"):
        models("bench", "parent")


# -- what goes wrong -------------------------------------------------------------------------------------------------
def test_a_disk_without_room_is_told_before_anything_is_written(
    models: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(Path.cwd())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=501_000_000))
    with pytest.raises(CommandError, match=r"the disk has 501\.0 MB left.*INFERENCE_MODELS_DIR"):
        models("quantize", "parent", "--to", "Q8_0")
    assert _left(folder) == [] and Job.objects.get().state == Job.State.FAILED


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(
    models: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file of the child may grow past 300 kB: its writes then fail as on a full disk."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "small_files"))
    with pytest.raises(CommandError, match="disk is full"):
        models("quantize", "parent", "--to", "Q8_0")
    assert _left(folder) == [] and Job.objects.get().state == Job.State.FAILED
    assert not ModelVersion.objects.filter(name="parent-q8_0").exists()


def test_too_little_memory_is_told_before_anything_is_loaded(
    models: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "free_bytes", lambda: 300_000_000)
    with pytest.raises(CommandError, match=r"needs [67]\d\d\.\d MB of memory and 300\.0 MB are free"):
        models("quantize", "parent", "--to", "Q8_0")
    assert _left(folder) == []


def test_a_new_file_that_is_larger_than_its_parent_needs_its_memory_as_well(
    models: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models("quantize", "parent", "--to", "Q4_0", "--name", "small")
    made = _left(folder)
    monkeypatch.setattr(work, "free_bytes", lambda: 700_000_000 + ModelVersion.objects.get(name="small").size)
    with pytest.raises(CommandError, match=r"large needs 70\d\.\d MB of memory"):
        models("quantize", "small", "--to", "F16", "--name", "large")
    assert _left(folder) == made


def test_a_long_text_asks_for_disk_only_as_far_as_it_is_read(
    models: Callable[..., Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.txt").write_text(TEXT * (400_000 // len(TEXT)))
    usage = shutil.disk_usage(Path.cwd())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_300_000_000))
    assert models("quantize", "parent", "--to", "Q8_0")["after"]["perplexity"] > 1


def test_a_file_that_broke_since_it_was_added_fails_with_a_sentence(
    models: Callable[..., Any], parent: ModelVersion, folder: Path
) -> None:
    whole = Path(parent.path).read_bytes()
    Path(parent.path).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match="not a model file"):
        models("quantize", "parent", "--to", "Q8_0")
    with pytest.raises(CommandError, match=r"not a model file|cannot load"):
        models("bench", "parent")
    Path(parent.path).unlink()
    with pytest.raises(CommandError, match="not on this machine"):
        models("bench", "parent")
    assert _left(folder) == []
