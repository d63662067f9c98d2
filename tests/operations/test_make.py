"""`make setup` as somebody sees it who waits for it: the real Makefile, with a pip that only talks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.running import ROOT

PIP = """\
Collecting torch==2.13.0 (from footnote==0.1.0)
  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (30 kB)
  Downloading nh3-0.3.7-cp38-abi3-manylinux_2_17_x86_64.whl (1.0 MB)
  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (191.4 MB)
Building wheels for collected packages: footnote, llama_cpp_python
  Building wheel for llama_cpp_python (pyproject.toml): started
  Building wheel for llama_cpp_python (pyproject.toml): still running...
  Building wheel for llama_cpp_python (pyproject.toml): finished with status 'done'
Installing collected packages: sqlparse, mpmath, torch
Successfully installed sqlparse-0.6.1 torch-2.13.0
"""
HARMLESS = "WARNING: lxml 6.1.3 does not provide the extra 'html-clean'"
SHOWN = """\
Setting up: this takes 4 to 16 minutes the first time, half of it compiling llama.cpp.
  making the environment {venv}
  looking up the packages
  fetching torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (191.4 MB)
  compiling llama_cpp_python
  compiling llama_cpp_python, still running
  installing the packages
  preparing the embedding model
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A python whose `-m venv` makes an environment with the pip above; it fails where a file `broken` lies."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    (tmp_path / "said").write_text(PIP)
    pip = f'#!/bin/sh\necho "{HARMLESS}" >&2\ncat {tmp_path}/said\n'
    pip += f'[ ! -e {tmp_path}/broken ] || {{ echo "no such package" >&2; exit 1; }}\n'
    (tmp_path / "pip").write_text(pip)
    (tmp_path / "pip").chmod(0o755)
    path = tmp_path / "python"
    made = f'mkdir -p "$3/bin" && cp {tmp_path}/pip "$3/bin/pip" && ln -sf /bin/true "$3/bin/python"'
    path.write_text(f"#!/bin/sh\n{made}\n")
    path.chmod(0o755)
    return path


def setup(python: Path) -> subprocess.CompletedProcess[str]:
    line = ["make", "--no-print-directory", "setup", f"PYTHON={python}", f"VENV={python.parent}/venv"]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=30)


def test_setting_up_says_how_long_it_takes_and_what_it_is_at(python: Path) -> None:
    done = setup(python)
    assert HARMLESS not in done.stderr
    assert (done.returncode, done.stdout) == (0, SHOWN.format(venv=python.parent / "venv"))
    assert "Nothing to be done" in setup(python).stdout


def test_a_failed_installation_is_told_and_tried_again(python: Path) -> None:
    (python.parent / "broken").touch()
    done = setup(python)
    assert done.returncode and "no such package" in done.stderr
    (python.parent / "broken").unlink()
    assert setup(python).returncode == 0
