"""llama.cpp's own server, built from the source that the installed llama-cpp-python was built from, in the same way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

_LIKE_OURS = Path(__file__).parents[2] / "inference" / "llama-min.cmake"
_FLAGS = (
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON",
    "-DBUILD_SHARED_LIBS=ON",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_BUILD_NUMBER=0",
    "-DLLAMA_BUILD_COMMIT=sdist",
)


def server_binary(cache: Path) -> Path | None:
    """Built once, which takes minutes. None, and a sentence, where it cannot be."""
    folder = (cache / f"llama-server-{version('llama-cpp-python')}").resolve()
    binary = folder / "build" / "bin" / "llama-server"
    if binary.exists():
        return binary
    if shutil.which("cmake") is None:
        print("llama.cpp's server is left out: building it needs cmake.")
        return None
    print(f"building llama.cpp's server, which takes minutes once; its log is {folder}/log")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("w") as log:
        try:
            _build(_source(folder, log.fileno()), folder, log.fileno())
        except subprocess.CalledProcessError as error:
            print(f"llama.cpp's server is left out: {error.cmd[0]} ended with {error.returncode}.")
            return None
    return binary


def _source(folder: Path, log: int) -> Path:
    wanted = f"llama-cpp-python=={version('llama-cpp-python')}"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), wanted]
    subprocess.run(pip, stdout=log, stderr=log, check=True)
    archive = next(folder.glob("llama_cpp_python-*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    archive.unlink()
    return next(folder.glob("llama_cpp_python-*/vendor/llama.cpp"))


def _build(source: Path, folder: Path, log: int) -> None:
    """With the same compiler options; only llama.cpp's `common`, which its server needs, is built besides."""
    options = folder / "options.cmake"
    kept = [line for line in _LIKE_OURS.read_text().splitlines() if "LLAMA_BUILD_COMMON" not in line]
    options.write_text("\n".join(kept))
    configure = ["cmake", "-S", str(source), "-B", str(folder / "build"), *_FLAGS]
    if shutil.which("ninja"):
        configure += ["-G", "Ninja"]
    subprocess.run([*configure, f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={options}"], stdout=log, stderr=log, check=True)
    build = ["cmake", "--build", str(folder / "build"), "--target", "llama-server", "--parallel", str(os.cpu_count())]
    subprocess.run(build, stdout=log, stderr=log, check=True)
    shutil.rmtree(source.parents[1])
