"""`manage.py models pull` from a server shaped like the hub, over real sockets."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inference import download
from inference.jobs import asking, leases, running
from inference.pulling import ModelSourceRejected
from tests.inference.hub_double import ACCEPTED, Hub, hub
from tests.tiny_gguf import make

pytestmark = pytest.mark.django_db
TINY = "hub:acme/tiny/tiny.gguf"


@pytest.fixture
def models_dir(tmp_path: Path, settings: Any) -> Path:
    return tmp_path / "models"


@pytest.fixture
def double(tmp_path: Path, models_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(download, "FIRST_WAIT_S", 0.01)
    with hub(make(tmp_path / "made.gguf").read_bytes()) as one:
        settings.INFERENCE = replace(settings.INFERENCE, models_dir=models_dir, hub_url=one.url)
        yield one


def _models(*arguments: str) -> Any:
    out = StringIO()
    call_command("models", *arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def _left(models_dir: Path) -> list[str]:
    return sorted(path.name for path in models_dir.iterdir()) if models_dir.exists() else []


def test_a_model_of_the_hub_is_fetched_from_the_host_that_the_hub_names(double: Hub, models_dir: Path) -> None:
    model = _models("pull", TINY)
    assert (models_dir / "tiny.gguf").read_bytes() == double.content
    assert (model["name"], model["sha256"], model["default"], model["source"]) == ("tiny", double.digest, True, TINY)
    assert (model["licence"], model["size"]) == ("apache-2.0", len(double.content))
    assert [path for path, _, _ in double.asked] == ["/acme/tiny/resolve/main/tiny.gguf", "/cdn/blob"]


def test_a_model_that_is_here_already_is_not_fetched_again(double: Hub) -> None:
    assert _models("pull", TINY) == _models("pull", TINY)
    assert len(double.asked_ranges()) == 1


def test_two_sources_that_call_their_files_alike_are_two_models(double: Hub, models_dir: Path, tmp_path: Path) -> None:
    _models("pull", TINY)
    double.content = make(tmp_path / "other.gguf", seed=1).read_bytes()
    other = _models("pull", f"{double.url}/cdn/tiny.gguf", "--name", "other")
    assert Path(other["path"]).read_bytes() == double.content and other["sha256"] == double.digest
    assert len(_left(models_dir)) == 2
    with pytest.raises(CommandError, match="Another model has this name"):
        _models("pull", f"{double.url}/cdn/more/tiny.gguf", "--name", "other")


@pytest.mark.parametrize("trouble", [["cut"], ["cut", "cut", "503", "429"]])
def test_a_download_that_breaks_off_goes_on_where_it_stopped(double: Hub, models_dir: Path, trouble: list[str]) -> None:
    double.script = list(trouble)
    assert _models("pull", TINY)["sha256"] == double.digest
    ranges = double.asked_ranges()
    assert len(ranges) == len(trouble) + 1 and ranges[0] == ""
    assert ranges[1] == f"bytes={len(double.content) // 2}-"
    assert _left(models_dir) == ["tiny.gguf"]


def test_a_second_command_goes_on_where_the_first_one_gave_up(double: Hub) -> None:
    double.script = ["cut", *["503"] * 4]
    with pytest.raises(CommandError, match=r"broke off.*goes on where it stopped"):
        _models("pull", TINY)
    double.asked.clear()
    assert _models("pull", TINY)["sha256"] == double.digest
    assert double.asked_ranges() == [f"bytes={len(double.content) // 2}-"]


def test_a_server_that_does_not_know_ranges_sends_all_of_it_again(double: Hub) -> None:
    double.script, double.ranges = ["cut"], False
    assert _models("pull", TINY)["sha256"] == double.digest


def test_a_part_that_is_longer_than_the_file_is_begun_anew(double: Hub, tmp_path: Path) -> None:
    double.content, short = double.content * 3, double.content
    double.script = ["cut", *["503"] * 4]
    with pytest.raises(CommandError):
        _models("pull", TINY)
    double.content = short
    assert _models("pull", TINY)["sha256"] == double.digest


def test_a_part_that_was_whole_already_is_checked_and_registered(double: Hub, models_dir: Path) -> None:
    double.names = "0" * 64
    double.script = ["cut", *["503"] * 4]
    with pytest.raises(CommandError):
        _models("pull", TINY)
    (part,) = models_dir.iterdir()
    part.write_bytes(double.content)
    double.names = ""
    assert _models("pull", TINY)["sha256"] == double.digest


@pytest.mark.parametrize("named_by", ["hub", "person"])
def test_a_download_with_another_checksum_is_deleted_and_said(double: Hub, models_dir: Path, named_by: str) -> None:
    double.names = "0" * 64 if named_by == "hub" else ""
    with pytest.raises(CommandError, match=r"does not match its SHA-256 and was deleted"):
        _models("pull", TINY, *([] if named_by == "hub" else ["--sha256", "1" * 64]))
    assert _left(models_dir) == [] and _models("list") == {"models": []}


def test_a_wrong_checksum_does_not_delete_a_model_in_use(double: Hub, models_dir: Path) -> None:
    _models("pull", TINY)
    with pytest.raises(CommandError, match="here already"):
        _models("pull", TINY, "--sha256", "1" * 64)
    assert _left(models_dir) == ["tiny.gguf"]


def test_a_checksum_that_cannot_be_one_is_refused_before_the_download(double: Hub) -> None:
    with pytest.raises(CommandError, match="64 hexadecimal digits"):
        _models("pull", TINY, "--sha256", "abc")
    assert double.asked == []


@pytest.mark.parametrize("content", [b"<html>please sign in</html>", b"", b"GGUF" + b"\xff" * 5000])
def test_a_page_in_place_of_a_model_is_deleted(double: Hub, models_dir: Path, content: bytes) -> None:
    double.content = content
    with pytest.raises(CommandError, match="not a model file"):
        _models("pull", TINY)
    assert _left(models_dir) == []


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("hub:acme/tiny/absent.gguf", "no such file"),
        ("hub:acme/nobody/tiny.gguf", r"no such repository.*INFERENCE_HUB_TOKEN"),
    ],
)
def test_what_the_hub_does_not_have_is_said_at_once(double: Hub, source: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        _models("pull", source)
    assert len(double.asked) == 1


def test_a_gated_model_asks_for_a_token_which_goes_to_the_hub_alone(double: Hub, settings: Any) -> None:
    double.gated = True
    for token in ("", "hf_stranger"):
        settings.INFERENCE = replace(settings.INFERENCE, hub_token=token)
        with pytest.raises(CommandError, match=r"accepted its terms.*INFERENCE_HUB_TOKEN"):
            _models("pull", TINY)
    settings.INFERENCE = replace(settings.INFERENCE, hub_token=ACCEPTED)
    double.asked.clear()
    assert _models("pull", TINY)["sha256"] == double.digest
    assert [key for _, _, key in double.asked] == [f"Bearer {ACCEPTED}", ""]


def test_a_token_does_not_go_to_other_addresses(double: Hub, settings: Any) -> None:
    settings.INFERENCE = replace(settings.INFERENCE, hub_token=ACCEPTED, hub_url="https://hub.invalid")
    _models("pull", f"{double.url}/cdn/tiny.gguf")
    assert [key for _, _, key in double.asked] == [""]


@pytest.mark.parametrize("free", [400_000_000, 500_001_000])
def test_a_model_that_does_not_fit_on_the_disk_is_not_begun(
    double: Hub, models_dir: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    usage = shutil.disk_usage(Path.cwd())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))
    with pytest.raises(CommandError, match=r"disk has .* left.*INFERENCE_MODELS_DIR"):
        _models("pull", TINY)
    assert [path.stat().st_size for path in models_dir.iterdir()] == [0]


def test_two_commands_do_not_write_one_file(double: Hub, models_dir: Path) -> None:
    double.script = ["cut", *["503"] * 4]
    with pytest.raises(CommandError):
        _models("pull", TINY)
    (part,) = models_dir.iterdir()
    with part.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CommandError, match="Another command"):
            _models("pull", TINY)


@pytest.mark.parametrize("length", [True, False])
def test_progress_is_shown_with_the_share_where_the_length_is_known(double: Hub, length: bool) -> None:
    double.length = length
    out, err = StringIO(), StringIO()
    call_command("models", "pull", TINY, stdout=out, stderr=err)
    assert out.getvalue().startswith("tiny: ")
    assert ("(100 %)" in err.getvalue()) == length and " kB" in err.getvalue()


# -- as a job --------------------------------------------------------------------------------------------------------
def test_a_job_pulls_as_the_command_does(double: Hub, models_dir: Path) -> None:
    double.script = ["cut"]
    job = asking.ask_pull(TINY, name="pulled").job
    lease = leases.claim(job.pk)
    assert lease is not None
    steps: list[str] = []
    running.run(lease, lambda progress, step: steps.append(step))
    job.refresh_from_db()
    assert (job.state, job.error, job.progress) == ("done", "", 1.0)
    assert job.made is not None and (job.made.name, job.made.sha256) == ("pulled", double.digest)
    assert _left(models_dir) == ["tiny.gguf"] and job.made.source == TINY


def test_a_job_that_cannot_pull_says_why(double: Hub) -> None:
    job = asking.ask_pull("hub:acme/tiny/absent.gguf").job
    lease = leases.claim(job.pk)
    assert lease is not None
    running.run(lease, lambda progress, step: None)
    job.refresh_from_db()
    assert job.state == "failed" and "no such file" in job.error
    with pytest.raises(ModelSourceRejected):
        asking.ask_pull("ftp://host/x.gguf")


# -- where a server may send to --------------------------------------------------------------------------------------
@pytest.fixture
def outside(double: Hub, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the double under a name that is not of this house, through a proxy as in many companies."""
    monkeypatch.setenv("http_proxy", double.url)
    monkeypatch.setenv("no_proxy", "")
    return "http://models.invalid/acme/tiny/resolve/main/tiny.gguf"


@pytest.mark.parametrize(
    "inside",
    [
        "http://127.0.0.1:1/x.gguf",
        "http://localhost/x.gguf",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.5/x.gguf",
        "http://192.168.1.1/x.gguf",
        "http://[::1]/x.gguf",
        "http://[::ffff:127.0.0.1]/x.gguf",
        "http://0.0.0.0/x.gguf",
        "http://2130706433/x.gguf",
    ],
)
def test_a_server_outside_cannot_send_to_an_address_inside(double: Hub, outside: str, inside: str) -> None:
    double.sends_to = inside
    with pytest.raises(CommandError, match="an address inside this network"):
        _models("pull", outside)
    assert len(double.asked) == 1


def test_a_server_outside_may_send_to_another_one_outside(double: Hub, outside: str) -> None:
    double.sends_to = "http://cdn.invalid/cdn/blob"
    assert _models("pull", outside)["sha256"] == hashlib.sha256(double.content).hexdigest()


@pytest.mark.parametrize("elsewhere", ["file:///etc/passwd", "ftp://models.invalid/x.gguf", "gopher://x"])
def test_only_web_addresses_are_followed(double: Hub, elsewhere: str) -> None:
    double.sends_to = elsewhere
    with pytest.raises(CommandError, match="not safe"):
        _models("pull", TINY)


def test_redirects_without_end_are_given_up(double: Hub) -> None:
    double.sends_to = f"{double.url}/acme/tiny/resolve/main/tiny.gguf"
    with pytest.raises(CommandError, match="without end"):
        _models("pull", TINY)
    assert len(double.asked) <= 10


def test_a_server_that_is_not_there_ends_in_a_sentence(double: Hub) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(CommandError, match=r"127\.0\.0\.1 cannot be reached: it refuses connections\. Check the"):
            _models("pull", f"http://127.0.0.1:{closed.getsockname()[1]}/tiny.gguf")


@pytest.mark.parametrize("source", ["hub:a/b/m-00001-of-00003.gguf", "http://h/m-00001-of-00003.gguf"])
def test_one_part_of_a_model_in_several_files_is_refused(double: Hub, source: str) -> None:
    with pytest.raises(CommandError, match="cut into several files"):
        _models("pull", source)
