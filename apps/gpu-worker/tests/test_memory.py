"""What one step of training frees, the next one uses: the system is not asked for it again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Page faults of five rounds of 24 MB each, after a first one, without and with.
PROGRAM = """
import resource, numpy as np
from kindred_worker.memory import keep_freed_memory
def faults():
    np.ones(3_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        kept = [np.ones(3_000_000) for _ in range(3)]
        del kept
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
without = faults()
keep_freed_memory()
faults()
print(without, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_freed_memory_stays_for_the_next_step() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    without, kept = map(int, told.split())
    assert without > 1_000
    assert kept < without / 10
