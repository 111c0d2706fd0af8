"""How a training process asks the system for memory."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
KEPT = 1 << 30  # bytes


def keep_freed_memory() -> None:
    """Freed memory stays with the process for the next step, which needs as much again.

    Without this glibc gives a step's arrays of some tens of megabytes back to the system and takes them anew at the next one,
    page by page and zeroed: up to a fifth of a step's time. Only the current step's peak is kept. A no-op beside glibc.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, KEPT)
