"""The image and the compose file, as far as they can be checked without an engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from chatapp.operations import programs
from tests.docker.compose import COMPOSE, GIVEN, OURS, ROOT, Missing, environment_of, load

DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
SETTINGS = {
    name
    for found in re.findall(r'env\.(\w+)\(\s*"([A-Z_]+)"', (ROOT / "chatapp" / "settings.py").read_text())
    for name in ([found[1], f"{found[1]}_FILE"] if found[0] == "secret" else [found[1]])
}
DOCUMENTED = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.M))
FIXED = {
    "CHATAPP_VAR_DIR",
    "CHATAPP_FILES_DIR",
    "INFERENCE_MODELS_DIR",
    "CHATAPP_BIND",
    "PORT",
    "DATABASE_URL",
    "REDIS_URL",
    "INDEX_SERVICE_URL",
    "MODEL_SERVICE_URLS",
}


def test_each_process_of_ours_runs_with_the_same_settings_and_each_setting_exists():
    services = load(GIVEN)["services"]
    environments = [services[name]["environment"] for name in OURS]
    assert all(environment == environments[0] for environment in environments)
    assert set(environments[0]) <= SETTINGS


@pytest.mark.parametrize("name", sorted({*DOCUMENTED, "INFERENCE_KEY_OPENAI"} - FIXED))
def test_every_documented_setting_reaches_the_containers(name: str) -> None:
    value = GIVEN.get(name, "17")
    for service in OURS:
        assert value in environment_of(service, {**GIVEN, name: value}).get(name, ""), service


def test_addresses_and_folders_are_those_of_the_containers_whatever_the_file_says() -> None:
    for service in OURS:
        found = environment_of(service, {**GIVEN, **dict.fromkeys(FIXED, "elsewhere")})
        assert "elsewhere" not in {found[name] for name in FIXED}
        folders = {volume.split(":")[1] for volume in load(GIVEN)["services"][service].get("volumes", [])}
        var = found["CHATAPP_VAR_DIR"]
        own = {found["CHATAPP_FILES_DIR"], found["INFERENCE_MODELS_DIR"], f"{var}/cache", f"{var}/loads"}
        assert folders <= own


@pytest.mark.parametrize("volume", ["models", "loads"])
def test_who_makes_or_asks_models_has_their_files_and_load_notes(volume: str) -> None:
    services = load(GIVEN)["services"]
    having = {name for name in OURS if any(one.startswith(f"{volume}:") for one in services[name].get("volumes", []))}
    assert having == {"model", "worker", "web"}


def test_the_example_names_settings_that_exist() -> None:
    lines = (ROOT / "docker" / ".env.example").read_text()
    named = set(re.findall(r"^#?([A-Z_]+)=", lines, re.M))
    assert named - DOCUMENTED == {"POSTGRES_PASSWORD", "FOOTNOTE_PUBLISH", "TORCH_INDEX_URL", "INFERENCE_KEY_OPENAI"}
    assert "docs/settings.md" in lines


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_missing_secret_stops_compose_with_its_name(name: str) -> None:
    with pytest.raises(Missing, match=name):
        load({**GIVEN, name: ""})
    assert f"\n{name}=\n" in (ROOT / "docker" / ".env.example").read_text()


def test_only_the_web_process_is_published_and_only_on_loopback():
    services = load(GIVEN)["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"web"}
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert load(GIVEN)["networks"]["inside"] == {"internal": True}
    assert {name for name, service in services.items() if "outside" in service["networks"]} == {"web"}


def test_what_holds_state_has_a_volume_and_a_health_check():
    loaded = load(GIVEN)
    for name in ("postgres", "redis"):
        assert loaded["services"][name]["volumes"] and loaded["services"][name]["healthcheck"]["test"]
    used = {volume.split(":")[0] for service in loaded["services"].values() for volume in service.get("volumes", [])}
    assert used == set(loaded["volumes"])


def test_every_image_is_pinned():
    images = {service["image"] for service in load(GIVEN)["services"].values()}
    images |= set(re.findall(r"ARG PYTHON_IMAGE=(\S+)", DOCKERFILE))
    assert len(images) == 4
    assert all(re.search(r":\d+\.\d+\.\d+|:\d+\.\d+-", image) for image in images), images


def test_our_processes_have_no_privileges_and_wait_for_the_database_to_be_set_up():
    services = load(GIVEN)["services"]
    for name in OURS:
        assert services[name]["cap_drop"] == ["ALL"]
    for name in programs.NAMES:
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


def test_each_command_of_the_compose_file_is_known_to_the_entrypoint():
    services = load(GIVEN)["services"]
    assert {services[name]["command"][0] for name in OURS} == {*programs.NAMES, "migrate"}
    known = (ROOT / "docker" / "entrypoint").read_text()
    assert all(re.search(rf"^    [\w |]*\b{name}\b[\w |]*\)", known, re.M) for name in (*programs.NAMES, "migrate"))


def test_what_the_image_copies_exists_and_is_let_through_to_the_engine():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert any(source == one or source.startswith(f"{one}/") for one in allowed), source


def test_nothing_private_or_large_goes_to_the_engine():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"  # everything stays out that is not named
    assert not {"!var", "!.venv", "!.git", "!docker", "!docker/.env"} & set(lines)
    assert "docker/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_image_runs_as_an_account_of_its_own_and_checks_its_health():
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM") :]
    assert "\nUSER footnote\n" in last
    assert "HEALTHCHECK" in last and "docker/healthcheck.py" in last
    assert "://" not in DOCKERFILE  # no address of an index is built in


NEEDED = {
    "DATABASE_URL": "postgres://x/y",
    "CHATAPP_SECRET_KEY": "s",
    "CHATAPP_INTERNAL_TOKEN": "t",
    "CHATAPP_KEY_ENCRYPTION_KEYS": "k",
}


@pytest.mark.parametrize("missing", [*NEEDED])
def test_the_entrypoint_names_what_is_missing(missing: str) -> None:
    environment = {"PATH": os.environ["PATH"], **NEEDED, missing: ""}
    done = subprocess.run(
        [ROOT / "docker" / "entrypoint", "web"], env=environment, capture_output=True, text=True, timeout=10
    )
    assert done.returncode == 78
    assert done.stderr == f"{missing} is missing: set it, or name a file that holds it in {missing}_FILE.\n"


def test_the_entrypoint_refuses_an_unknown_process():
    given = {**NEEDED, "CHATAPP_INTERNAL_TOKEN": "", "CHATAPP_INTERNAL_TOKEN_FILE": "/t"}
    done = subprocess.run(
        [ROOT / "docker" / "entrypoint", "wbe"],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert done.returncode == 64 and "Unknown process wbe" in done.stderr


def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("docker compose is not installed")
    command = ["docker", "compose", "-f", str(COMPOSE), "config", "--quiet"]
    done = subprocess.run(command, env={**os.environ, **GIVEN}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_gpu_image_is_built_for_cuda_from_pinned_images_and_only_for_the_model_service():
    text = (ROOT / "docker" / "compose.gpu.yaml").read_text()
    assert re.findall(r"^  (\w+):", text, re.M) == ["model"]
    assert "-DGGML_CUDA=ON" in text and "capabilities: [gpu]" in text
    assert len(re.findall(r"_IMAGE: nvidia/cuda:\d+\.\d+\.\d+-\w+-ubuntu24\.04", text)) == 2
    assert set(re.findall(r"^ +([A-Z]+_[A-Z_]+): \$\{(?!TORCH)", text, re.M)) <= SETTINGS
