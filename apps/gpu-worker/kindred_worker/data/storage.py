"""Files behind file:// and s3:// URIs. Writes are all-or-nothing; hashes are checked before anything is parsed."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
from pyarrow import fs

from kindred_worker.report import HashMismatch, InvalidInput

CHUNK = 4 << 20


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written completely; `path` is relative to its folder."""

    path: str
    sha256: str
    bytes: int


class Folder:
    """A directory behind a URI."""

    _here = fs.LocalFileSystem()

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        if "://" not in uri:
            raise InvalidInput(f"{uri!r} is no URI: give file:///path or s3://bucket/path")
        try:
            self._fs, self._root = fs.FileSystem.from_uri(self.uri)
        except (pa.ArrowInvalid, OSError, ValueError) as error:
            raise InvalidInput(f"cannot open {uri!r}: {error}") from error

    @property
    def local(self) -> Path | None:
        """The path on this machine, or None for an object store."""
        return Path(self._root) if isinstance(self._fs, fs.LocalFileSystem) else None

    def exists(self, path: str) -> bool:
        return self._fs.get_file_info(self._path(path)).type == fs.FileType.File

    def names(self, below: str = "") -> list[str]:
        """File names directly in `below`, sorted; empty where there is no such folder."""
        selector = fs.FileSelector(self._path(below) if below else self._root, allow_not_found=True)
        return sorted(str(i.base_name) for i in self._fs.get_file_info(selector) if i.type == fs.FileType.File)

    def read(self, path: str, sha256: str | None = None) -> bytes:
        """The whole file; with `sha256` refuses any other content."""
        try:
            with self._fs.open_input_stream(self._path(path), compression=None) as stream:
                content = bytes(stream.read())
        except FileNotFoundError as error:
            raise InvalidInput(f"{self.uri}/{path} is missing") from error
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise HashMismatch(f"{self.uri}/{path} is not the file that its hash names")
        return content

    def read_json(self, path: str, sha256: str | None = None) -> dict[str, Any]:
        content = self.read(path, sha256)
        try:
            value = json.loads(content)
        except ValueError as error:
            raise InvalidInput(f"{self.uri}/{path} is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise InvalidInput(f"{self.uri}/{path} must hold a JSON object")
        return cast("dict[str, Any]", value)

    def open(self, path: str) -> pa.NativeFile:
        """For random access (Parquet)."""
        try:
            return self._fs.open_input_file(self._path(path))
        except FileNotFoundError as error:
            raise InvalidInput(f"{self.uri}/{path} is missing") from error

    def verify(self, path: str, sha256: str, check: Callable[[], None] = lambda: None) -> None:
        """Raises HashMismatch unless the file has this hash. `check` is called between pieces."""
        digest = hashlib.sha256()
        try:
            with self._fs.open_input_stream(self._path(path), compression=None) as stream:
                while piece := stream.read(CHUNK):
                    digest.update(piece)
                    check()
        except FileNotFoundError as error:
            raise InvalidInput(f"{self.uri}/{path} is missing") from error
        if digest.hexdigest() != sha256:
            raise HashMismatch(f"{self.uri}/{path} is not the file that its hash names")

    def write(self, path: str, content: bytes) -> WrittenFile:
        """The file appears complete or not at all."""
        return self.write_with(path, lambda stream: cast(None, stream.write(content)))

    def write_json(self, path: str, value: object) -> WrittenFile:
        text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return self.write(path, text.encode() + b"\n")

    def write_with(self, path: str, fill: Callable[[BinaryIO], None]) -> WrittenFile:
        """As `write`, for content that is produced piece by piece."""
        target = self._path(path)
        local = self.local is not None
        if local:
            self._fs.create_dir(posixpath.dirname(target), recursive=True)
        # A disk needs the rename. An object store shows what was uploaded as soon as the stream is closed, also after
        # a failure: it is given only what is whole.
        with tempfile.TemporaryDirectory() as folder:
            place = f"{target}.{os.getpid()}.part" if local else str(Path(folder) / "whole")
            with self._here.open_output_stream(place, compression=None) as stream:
                hashed = _Hashed(stream)
                fill(cast(BinaryIO, hashed))
            if local:
                with open(place, "rb") as written:
                    os.fsync(written.fileno())
                os.replace(place, target)
            else:
                fs.copy_files(place, target, source_filesystem=self._here, destination_filesystem=self._fs, chunk_size=CHUNK)
        return WrittenFile(path, hashed.digest.hexdigest(), hashed.bytes)

    def delete(self, path: str) -> None:
        if self.exists(path):
            self._fs.delete_file(self._path(path))

    def _path(self, path: str) -> str:
        if path.startswith("/") or ".." in path.split("/") or "\\" in path:
            raise InvalidInput(f"{path!r} leads out of its folder")
        return posixpath.join(self._root, path)


class _Hashed:
    """A write-only stream that hashes what passes."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        written = memoryview(content).nbytes
        self.bytes += written
        self._stream.write(content)
        return written

    def flush(self) -> None:
        self._stream.flush()

    def tell(self) -> int:
        return self.bytes

    def close(self) -> None:
        self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
