"""Columns that grow piece by piece and are then read at random: in unnamed files, mapped into memory.

So what training holds is bounded by what it reads at a time; the system keeps the rest in its page cache while there is
room, and the files are gone with the last reader, however it ends. They lie in TMPDIR, which therefore should be a disk.
"""

from __future__ import annotations

import tempfile
from typing import Any, Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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


class Texts:
    """Texts as Column keeps rows; at most 2 GiB of them, as Arrow's strings are."""

    def __init__(self, most: int = 2**31 - 1) -> None:
        """`most`: bytes of all texts together."""
        self._most = most
        self._bytes, self._begins, self._total = Column(np.zeros(0, np.uint8)), Column(np.zeros(0, np.int32)), 0
        self._count = 0
        self._begins.add(np.zeros(1, np.int32))

    def add(self, texts: pa.StringArray) -> None:
        """Texts without nulls."""
        _, begins, letters = texts.buffers()
        if len(texts) == 0 or begins is None:
            return
        ends = np.frombuffer(begins, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
        if letters is not None:
            self._bytes.add(np.frombuffer(letters, np.uint8)[ends[0] : ends[-1]])
        ends += self._total - ends[0]
        self._total, self._count = int(ends[-1]), self._count + len(texts)
        if self._total > self._most:
            raise pa.ArrowCapacityError(f"the texts of one column take more than {self._most} bytes")
        self._begins.add(ends[1:].astype(np.int32))

    def read(self) -> pa.StringArray:
        """All texts, read-only."""
        return pa.StringArray.from_buffers(self._count, pa.py_buffer(self._begins.read()), pa.py_buffer(self._bytes.read()))
