"""Generates the Python side of the worker's contract into kindred_worker/gen (ignored by git): `python gen.py`."""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "libs" / "contracts" / "proto"
PACKAGE = "kindred/worker/v1"
TARGET = HERE / "kindred_worker" / "gen"


def main() -> int:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    include = str(files("grpc_tools") / "_proto")
    out = [f"--{kind}_out={TARGET}" for kind in ("python", "pyi", "grpc_python")]
    sources = sorted(f"{PACKAGE}/{path.name}" for path in (PROTO / PACKAGE).glob("*.proto"))
    code = protoc.main(["protoc", f"-I{PROTO}", f"-I{include}", *out, *sources])
    # protoc writes absolute imports from the proto's root; these files live below our package.
    for path in TARGET.rglob("*.py*"):
        path.write_text(path.read_text().replace("from kindred.worker.v1", "from kindred_worker.gen.kindred.worker.v1"))
    for folder in [TARGET, *(p for p in TARGET.rglob("*") if p.is_dir())]:
        (folder / "__init__.py").touch()
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
