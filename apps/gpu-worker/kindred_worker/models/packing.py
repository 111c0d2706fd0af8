"""States as bytes: a fixed header and little-endian arrays, one record per customer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

MAGIC, VERSION = b"KS", 1
LONGS = {"recent_time", "met_first", "met_last"}


def head_of(stamp: int) -> bytes:
    """What every packed state of one model begins with."""
    return MAGIC + VERSION.to_bytes(2, "little") + stamp.to_bytes(4, "little")


class Packing:
    """The record of one encoder's state; `fields` gives the shape of each array (N left out)."""

    def __init__(self, **fields: tuple[int, ...]) -> None:
        self.fields = dict(fields.items())
        self.record = np.dtype(
            [
                ("magic", "S2"),
                ("version", "<u2"),
                ("stamp", "<u4"),
                ("count", "<i8"),
                ("first", "<i8"),
                ("last", "<i8"),
                *((name, "<i8" if name in LONGS else "<f4", shape) for name, shape in fields.items()),
            ]
        )

    def pack(self, stamp: int, count: Tensor, first: Tensor, last: Tensor, **fields: Tensor) -> list[bytes]:
        rows = np.zeros(len(count), dtype=self.record)
        rows["magic"], rows["version"], rows["stamp"] = MAGIC, VERSION, stamp
        for name, value in {"count": count, "first": first, "last": last, **fields}.items():
            rows[name] = value.cpu().numpy()
        whole, size = rows.tobytes(), self.record.itemsize
        return [whole[at * size : (at + 1) * size] for at in range(len(rows))]

    def unpack(
        self, packed: Sequence[bytes], stamp: int, device: torch.device
    ) -> tuple[tuple[Tensor, Tensor, Tensor], dict[str, Tensor], Tensor]:
        """(count, first, last), the fields, and which ones are not of this record and stamp (they come out empty)."""
        size = self.record.itemsize
        head = head_of(stamp)
        fits = [len(p) == size and p[: len(head)] == head for p in packed]
        blank = bytes(size)
        rows = np.frombuffer(b"".join(p if ok else blank for p, ok in zip(packed, fits, strict=True)), self.record)
        unreadable = torch.tensor([not ok and len(p) > 0 for p, ok in zip(packed, fits, strict=True)], dtype=torch.bool)

        def tensor(name: str) -> Tensor:
            return torch.from_numpy(np.array(rows[name])).to(device)

        longs = (tensor("count"), tensor("first"), tensor("last"))
        return longs, {name: tensor(name) for name in self.fields}, unreadable.to(device)
