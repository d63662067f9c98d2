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

from inference.models import Candidate, ModelVersion, Rollout, Route
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
    with pytest.raises(CommandError, match=r"Another model has this name.*Choose another one"):
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


# -- endpoints -------------------------------------------------------------------------------------------------------
def _endpoint(url: str, *arguments: str) -> Any:
    return _models("add", "--endpoint", url, "--model", "gpt-5-mini", *arguments)


def test_an_endpoint_is_registered_with_its_price_and_budget() -> None:
    made = _endpoint(
        "https://api.example.com/v1",
        *("--name", "big", "--key-name", "INFERENCE_KEY_BIG", "--outside", "--price-prompt", "0.25"),
        *("--price-completion", "2", "--monthly-budget", "150.50", "--context", "128000", "--licence", "ours"),
        *("--capabilities", "json_schema, seed"),
    )
    assert (made["name"], made["kind"], made["outside"], made["default"]) == ("big", "openai", True, False)
    assert (made["price_prompt"], made["price_completion"], made["monthly_budget"]) == (0.25, 2.0, 150.5)
    assert (made["context_tokens"], made["key_name"]) == (128000, "INFERENCE_KEY_BIG")
    assert made["capabilities"] == ["json_schema", "seed"] and _models("show", "big") == made


@pytest.mark.parametrize(
    ("url", "outside"),
    [
        ("https://api.example.com/v1", True),
        ("http://127.0.0.1:8000/v1", False),
        ("http://localhost:8000/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://10.1.2.3/v1", False),
        ("http://8.8.8.8/v1", True),
        ("http://0.0.0.0/v1", True),
        ("http://10.1.2.3.example.com/v1", True),
        ("http://vllm:8000/v1", True),
        ("http://172.31.0.9/v1", False),
        ("http://172.32.0.9/v1", True),
        ("http://192.168.4.5/v1", False),
        ("http://[fd12::1]:8000/v1", False),
        ("http://[::ffff:10.1.2.3]:8000/v1", False),
        ("http://[::ffff:8.8.8.8]:8000/v1", True),
        ("http://[fe80::1]:8000/v1", True),
        ("http://169.254.169.254/v1", True),
        ("http://203.0.113.7/v1", True),
        ("http://198.18.0.1/v1", True),
        ("http://240.0.0.1/v1", True),
    ],
)
def test_an_endpoint_is_outside_unless_its_address_is_private_and_that_is_said(url: str, outside: bool) -> None:
    out = StringIO()
    call_command("models", "add", "--endpoint", url, "--model", "m", stdout=out)
    assert _models("show", "m")["outside"] is outside
    assert ("--inside" if outside else "--outside") in out.getvalue()
    out = StringIO()
    call_command("models", "add", "--endpoint", url, "--model", "said", "--outside", stdout=out)
    assert _models("show", "said")["outside"] and "Taken for" not in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--endpoint", "ftp://host/v1", "--model", "m"), "http"),
        (("--endpoint", "https://", "--model", "m"), "address|URL"),
        (("--endpoint", "http://[::1", "--model", "m"), "address|URL"),
        (("--endpoint", "http://[foo]/v1", "--model", "m"), "address|URL"),
        (("--endpoint", "https://user:secret@host.example/v1", "--model", "m"), "name or password"),
        (("--endpoint", "https://host.example/v1", "--name", "x"), "Name the model there"),
        (
            ("--endpoint", "https://host.example/v1", "--model", "m", "--kind", "soap"),
            "kind is openai, azure or anthropic",
        ),
        (("--endpoint", "https://host.example/v1", "--model", "m", "--key-name", "AWS_SECRET"), "with INFERENCE_KEY_"),
        (
            ("--endpoint", "https://host.example/v1", "--model", "m", "--price-prompt", "-1"),
            "greater than or equal to 0",
        ),
        (("--endpoint", "https://host.example/v1", "--model", "m", "--price-prompt", "much"), "is no price"),
        (("--endpoint", "https://host.example/v1", "--model", "m", "--price-prompt", "NaN"), "number|decimal"),
        (("--endpoint", "https://host.example/v1", "--model", "m", "--context", "many"), "integer|number"),
        (("--endpoint", "https://host.example/v1", "--model", "m", "--context", "99999999999"), "less than|2147483647"),
        (("--endpoint", "https://host.example/v1", "--model", "m", "--capabilities", "magic"), "magic"),
        (("--endpoint", "https://host.example/v1", "/some/file.gguf"), "not both"),
        (("--model", "m"), "Give a GGUF file"),
        (("/some/file.gguf", "--price-prompt", "1"), "for endpoints"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_with_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        _models("add", *arguments)
    assert _models("list") == {"models": []}


def test_an_endpoint_does_not_take_the_name_of_a_model_nor_become_the_default(tmp_path: Path) -> None:
    _models("add", str(make(tmp_path / "one.gguf")))
    with pytest.raises(CommandError, match="Another model has this name"):
        _endpoint("https://host.example/v1", "--name", "one")
    _endpoint("https://host.example/v1", "--name", "two")
    with pytest.raises(CommandError, match="cannot be the default"):
        _models("default", "two")
    with pytest.raises(CommandError, match="only a file can do that"):
        call_command("models", "quantize", "two", "--to", "Q4_0")
    assert _models("remove", "one") == {"removed": "one", "default": None}


def test_a_model_that_a_route_or_a_rollout_uses_is_not_removed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _models("add", str(make(tmp_path / f"{name}.gguf")))
    one, two = ModelVersion.objects.get(name="one"), ModelVersion.objects.get(name="two")
    route = Route.objects.create(name="legal")
    candidate = Candidate.objects.create(route=route, version=one)
    with pytest.raises(CommandError, match="The route legal uses one"):
        _models("remove", "one")
    candidate.delete()
    rollout = Rollout.objects.create(route=route, current=one, new=two)
    with pytest.raises(CommandError, match=r"roll-out .* is running with two"):
        _models("remove", "two")
    Rollout.objects.filter(pk=rollout.pk).update(state=Rollout.State.ROLLED_BACK)
    with pytest.raises(CommandError, match="record of past roll-outs"):
        _models("remove", "two")
    assert Path(two.path).exists() and len(_models("list")["models"]) == 2


def test_the_list_has_aligned_columns_for_files_and_endpoints(tmp_path: Path) -> None:
    _models("add", str(make(tmp_path / "a-rather-long-name.gguf")))
    _endpoint("https://host.example/v1", "--name", "short", "--price-prompt", "0.5", "--outside")
    ModelVersion.objects.filter(name="short").update(measured={"decode_tokens_s": 71.25, "perplexity": 8.123})
    out = StringIO()
    call_command("models", "list", stdout=out)
    heading, *rows = out.getvalue().splitlines()
    assert len(rows) == 2 and rows[0].startswith("* a-rather-long-name") and rows[1].startswith("  short")
    columns = {"KIND": ("file", "openai"), "PRICE IN / OUT": (" ", "0.5 / 0"), "TOKENS/S": (" ", "71.2")}
    for column, values in columns.items():
        at = heading.index(column)
        assert [row[at:].startswith(value) for row, value in zip(rows, values, strict=True)] == [True, True], column


@pytest.mark.django_db
def test_a_key_that_is_not_set_yet_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    add = ("models", "add", "--endpoint", "https://host.example/v1", "--kind", "openai", "--model", "m", "--outside")
    call_command(*add, "--key-name", "INFERENCE_KEY_OF_NOBODY")
    assert "INFERENCE_KEY_OF_NOBODY is not set yet: set it, then restart Footnote" in capsys.readouterr().out


@pytest.mark.django_db
def test_figures_of_any_size_fit_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    ModelVersion.objects.create(name="toy", path="/nowhere/toy.gguf", measured={"perplexity": 43687189369.62})
    ModelVersion.objects.create(name="real", path="/nowhere/real.gguf", measured={"perplexity": 9.812})
    call_command("models", "list")
    shown = capsys.readouterr().out
    assert "4.4e10" in shown and "9.81" in shown and "43687189369" not in shown
