"""The settings, as processes read them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", "--check", "--dry-run")


def started(*command: str, **given: str) -> subprocess.CompletedProcess[str]:
    """A process that reads the settings, with these in its environment."""
    line = [sys.executable, *(command or ("manage.py", "up"))]
    environment = {name: value for name, value in os.environ.items() if name != "PORT"} | given
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def shown(name: str, path: Path | str, **given: str) -> str:
    code = f"from django.conf import settings; print(settings.{name})"
    done = started("-c", code, DJANGO_SETTINGS_MODULE="chatapp.settings", CHATAPP_ENV_FILE=str(path), **given)
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"PORT": "abc"}, "PORT must be a whole number, not 'abc'."),
        ({"PORT": "70000"}, "PORT must lie between 1 and 65535, not 70000."),
        (
            {"INFERENCE_API_BASE_URL": "foo", "INFERENCE_API_MODEL": "m"},
            "INFERENCE_API_BASE_URL must be an address that begins with http:// or https://, not 'foo'.",
        ),
        ({"INFERENCE_API_BASE_URL": "http://h/v1"}, "INFERENCE_API_MODEL is missing: INFERENCE_API_BASE_URL needs it."),
        ({"INFERENCE_API_KIND": "gemini"}, "INFERENCE_API_KIND must be one of openai, azure, anthropic, not 'gemini'."),
        ({"INDEX_SERVICE_URL": "unix://"}, "INDEX_SERVICE_URL must be an address that begins with http"),
        ({"MODEL_SERVICE_URLS": "http://h:x"}, "MODEL_SERVICE_URLS must be an address that begins with http"),
        ({"CHATAPP_PUBLIC_URL": "footnote.example.com"}, "CHATAPP_PUBLIC_URL must be an address"),
        ({"CHATAPP_LOG_LEVEL": "loud"}, "CHATAPP_LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ({"DATABASE_URL": "postgres://me:hush@host:none/x"}, "DATABASE_URL must be an address such as postgres://"),
        ({"DATABASE_URL": "sqlite:///x"}, "DATABASE_URL must be an address such as postgres://"),
        ({"REDIS_URL": "http://:hush@h"}, "REDIS_URL must be an address that begins with redis://"),
        ({"CHATAPP_VAR_DIR": "/proc/nowhere"}, "Set CHATAPP_VAR_DIR to a folder of yours."),
        ({"CHATAPP_ENV_FILE": "/no/such/file"}, "The settings in /no/such/file cannot be read"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(given: dict[str, str], sentence: str) -> None:
    done = started(**given)
    assert done.returncode == 1 and done.stdout == ""
    assert sentence in done.stderr and len(done.stderr.splitlines()) == 1 and "hush" not in done.stderr


def test_a_wrong_setting_stops_a_process_of_a_container_with_one_sentence() -> None:
    done = started("-m", "chatapp.operations.programs", "web", PORT="abc")
    assert done.returncode == 1 and done.stderr == "Error: PORT must be a whole number, not 'abc'.\n"


def test_settings_may_stand_in_a_file_and_the_environment_counts_for_more(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("# ours\nexport CHATAPP_SITE_NAME='The Shelf'\nCHATAPP_TURN_PASSAGES=9\nPORT=8470 # free\n")
    assert shown("SITE_NAME", path) == "The Shelf" and shown("PORT", path) == "8470"
    assert shown("PORT", path, PORT="8471") == "8471"
    assert shown("PORT", os.devnull) == "8000"


def test_a_value_in_the_file_is_taken_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("CHATAPP_SITE_NAME=a${HOME}b$c\n")
    assert shown("SITE_NAME", path) == "a${HOME}b$c"


@pytest.mark.parametrize("line", ["PORT", "=8470", "PORT='8470", "'A=B'=c", "A=\0"])
def test_a_line_that_is_no_setting_stops_the_start_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "settings"
    path.write_text(f"PORT=8470\n\n{line}\n")
    done = started(CHATAPP_ENV_FILE=str(path))
    assert (done.returncode, done.stderr) == (1, f"Error: Line 3 of {path} is not NAME=value.\n")


def test_the_file_beside_manage_py_is_read_and_git_ignores_it(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copy(ROOT / "manage.py", copy)
    shutil.copytree(ROOT / "chatapp", copy / "chatapp")
    for name in ("retrieval", "inference"):
        (copy / name).symlink_to(ROOT / name)
    (copy / ".env").write_text("PORT=abc\n")
    line = [sys.executable, "manage.py", "up"]
    environment = os.environ | {"CHATAPP_ENV_FILE": ""}
    done = subprocess.run(line, cwd=copy, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr == "Error: PORT must be a whole number, not 'abc'.\n"
    assert ".env" in (ROOT / ".gitignore").read_text().split()
