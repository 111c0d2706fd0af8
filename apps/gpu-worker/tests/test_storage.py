"""A folder on this machine and a prefix of a bucket keep the same promises."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kindred_worker.data.storage import Folder
from kindred_worker.report import HashMismatch, InvalidInput

LOCK = Path(__file__).parents[3] / "tests" / "s3-server.lock"
SETTINGS = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """moto's server in an environment of its own, and this process told of it as AWS's own tools are told."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    uv = [
        str(Path(sys.executable).parent / "uv"),
        "run",
        "--quiet",
        "--no-project",
        "--python",
        sys.executable,
        "--with-requirements",
        str(LOCK),
    ]
    server = subprocess.Popen([*uv, "moto_server", "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL, start_new_session=True)
    endpoint = f"http://127.0.0.1:{port}"
    former = dict(os.environ)
    os.environ |= SETTINGS | {"AWS_ENDPOINT_URL": endpoint}
    try:
        while True:
            try:
                urllib.request.urlopen(urllib.request.Request(f"{endpoint}/kindred", method="PUT"))
                break
            except urllib.error.URLError:
                assert server.poll() is None, "the S3 server did not start"
                time.sleep(0.05)
        yield "s3://kindred/artefacts"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        os.environ.clear()
        os.environ |= former


@pytest.fixture(params=["a folder", "a bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    root = tmp_path.as_uri() if request.param == "a folder" else f"{request.getfixturevalue('bucket')}/{tmp_path.name}"
    return Folder(root)


def test_what_is_written_is_read_back_with_the_hash_it_was_told_to_have(folder: Folder) -> None:
    content = os.urandom(11 << 20)
    written = folder.write("models/encoder.bin", content)
    assert (written.path, written.sha256, written.bytes) == ("models/encoder.bin", hashlib.sha256(content).hexdigest(), len(content))
    assert folder.read("models/encoder.bin", written.sha256) == content
    folder.verify("models/encoder.bin", written.sha256)
    assert folder.exists("models/encoder.bin")
    assert folder.names("models") == ["encoder.bin"]
    # Another one of that name takes its place: a step that is done again.
    again = folder.write("models/encoder.bin", b"again")
    assert folder.read("models/encoder.bin", again.sha256) == b"again"
    with pytest.raises(HashMismatch):
        folder.verify("models/encoder.bin", written.sha256)
    folder.delete("models/encoder.bin")
    assert not folder.exists("models/encoder.bin")


def test_parquet_is_written_piece_by_piece_and_read_at_random(folder: Folder) -> None:
    table = pa.table({"customer": [f"c{i}" for i in range(50_000)], "events": list(range(50_000))})
    folder.write_with("customers.parquet", lambda stream: pq.write_table(table, stream, row_group_size=10_000))
    file = pq.ParquetFile(folder.open("customers.parquet"))
    assert file.read_row_group(3).column("events").to_pylist() == list(range(30_000, 40_000))


def test_a_write_that_fails_leaves_what_was_there(folder: Folder) -> None:
    folder.write("state.json", b"{}")

    def fill(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        folder.write_with("state.json", fill)
    with pytest.raises(RuntimeError, match="the disk is full"):
        folder.write_with("other.json", fill)
    assert folder.read("state.json") == b"{}"
    assert not folder.exists("other.json")


def test_what_is_missing_or_leads_elsewhere_is_told(folder: Folder) -> None:
    for ask in (folder.read, folder.open, lambda path: folder.verify(path, "00")):
        with pytest.raises(InvalidInput, match="missing"):
            ask("nothing.bin")
        with pytest.raises(InvalidInput, match="leads out"):
            ask("../nothing.bin")
    assert folder.names("nowhere") == []
