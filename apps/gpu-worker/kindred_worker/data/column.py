"""Columns that grow piece by piece and are then read at random: in unnamed files, mapped into memory.

So what training holds is bounded by what it reads at a time; the system keeps the rest in its page cache while there is
room, and the files are gone with the last reader, however it ends. They lie in TMPDIR, which therefore should be a disk.
"""

from __future__ import annotations

import tempfile
from typing import Any, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt

Array = TypeVar("Array", bound=npt.NDArray[Any])


class Column(Generic[Array]):
    """Rows of one shape; `add` any number of times, then `read` once."""

    def __init__(self, empty: Array) -> None:
        """`empty`: no rows of the shape and type to come."""
        self._empty, self._rows = empty, 0
        self._file = tempfile.TemporaryFile(prefix="kindred-column-")  # noqa: SIM115 - the mapping outlives a block

    def add(self, rows: Array) -> None:
        self._file.write(np.ascontiguousarray(rows, self._empty.dtype).data)
        self._rows += len(rows)

    def read(self) -> Array:
        """All rows, read-only."""
        with self._file as file:
            file.flush()
            shape = (self._rows, *self._empty.shape[1:])
            if 0 in shape:
                return cast("Array", np.zeros(shape, self._empty.dtype))
            return cast("Array", np.memmap(file, self._empty.dtype, "r", shape=shape).view(np.ndarray))
