"""What this machine has to spare, as far as its control group lets this process use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Machine:
    memory_free: int
    cores: int
    gpu_free: int = 0  # bytes of the first GPU; 0: none
    has_cagra: bool = False

    @classmethod
    def here(cls) -> Machine:
        gpu_free = _gpu_free()
        cagra = False
        if gpu_free:
            from retrieval.index.vectors.gpu import device_count, has_cagra

            gpu_free, cagra = gpu_free * (device_count() > 0), has_cagra()
        return cls(memory_free(), len(os.sched_getaffinity(0)), gpu_free, cagra)


def memory_free(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = _CGROUP) -> int:
    """The smaller of what the machine and what the control group have left; cached files count as free."""
    lines = (line.split() for line in meminfo.read_text().splitlines())
    available = next(int(words[1]) * 1024 for words in lines if words[0] == "MemAvailable:")
    left = _cgroup_left(cgroup)
    return available if left is None else max(min(available, left), 0)


def _cgroup_left(cgroup: Path) -> int | None:
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        if limit == "max":
            return None
        statistics = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        used = int((cgroup / "memory.current").read_text()) - int(statistics.get("inactive_file", 0))
        return int(limit) - used
    except (OSError, ValueError):
        return None  # no control group, or one of the first version


def _gpu_free() -> int:
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        shown = subprocess.run(  # noqa: S603 - a fixed command
            [program, "--query-gpu=memory.free", "--format=csv,noheader,nounits", "--id=0"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
        return int(shown.stdout.strip()) * 1024 * 1024
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0
