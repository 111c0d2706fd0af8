"""Columns in mapped files hold what was added, in order, and leave nothing behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from kindred_worker.data.column import Column, Texts


def test_rows_come_back_as_one_array_in_the_order_they_were_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    column = Column(np.zeros((0, 3), np.float32))
    parts = [np.random.default_rng(at).normal(size=(at, 3)).astype(np.float32) for at in (4, 0, 1000)]
    for part in parts:
        column.add(part)
    read = column.read()
    np.testing.assert_array_equal(read, np.concatenate(parts))
    assert not read.flags.writeable
    assert list(tmp_path.iterdir()) == []  # the file has no name, so it ends with its last reader


def test_every_second_column_of_a_table_can_be_added() -> None:
    table = np.arange(12, dtype=np.int64).reshape(4, 3)
    column = Column(np.zeros(0, np.int64))
    column.add(table[:, 1])
    np.testing.assert_array_equal(column.read(), table[:, 1])


@pytest.mark.parametrize("empty", [np.zeros(0, np.int64), np.zeros((0, 2), np.int32)])
def test_no_rows_are_an_empty_array_of_the_same_shape(empty: np.ndarray) -> None:
    read = Column(empty).read()
    assert (read.shape, read.dtype) == (empty.shape, empty.dtype)


def test_rows_without_columns_are_counted() -> None:
    column = Column(np.zeros((0, 0), np.float32))
    column.add(np.zeros((5, 0), np.float32))
    assert column.read().shape == (5, 0)


def test_texts_come_back_as_one_array_also_of_slices_and_without_any_letters() -> None:
    parts = [pa.array(["anna", "bé", ""]).slice(1), pa.array([], pa.string()), pa.array([""]), pa.array(["zoë", "x"]).slice(0, 1)]
    texts = Texts()
    for part in parts:
        texts.add(part)
    read = texts.read()
    read.validate(full=True)
    assert read.equals(pa.concat_arrays(parts))
    assert Texts().read().equals(pa.array([], pa.string()))


def test_texts_beyond_what_arrow_can_hold_are_an_error_and_no_wrong_texts() -> None:
    texts = Texts(most=3)
    texts.add(pa.array(["abc"]))
    with pytest.raises(pa.ArrowCapacityError, match="more than 3 bytes"):
        texts.add(pa.array(["d"]))
