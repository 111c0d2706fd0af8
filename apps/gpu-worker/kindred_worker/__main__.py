"""`python -m kindred_worker --role train|score --port N [--host H] [--threads N]`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from kindred_worker.precedence import let_others_go_first


def main() -> None:
    arguments = argparse.ArgumentParser(prog="kindred_worker", description=__doc__)
    arguments.add_argument("--role", choices=["train", "score"], required=True)
    arguments.add_argument("--port", type=int, required=True, help="0: any free one (see the log)")
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--threads", type=int, default=0, help="0: train one fewer than there are cores, score 1")
    given = arguments.parse_args()
    threads = given.threads or (max(1, _cores() - 1) if given.role == "train" else 1)
    # Before torch is imported: waiting OpenMP threads that spin slow every other process down.
    os.environ.update(OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="PASSIVE", KMP_BLOCKTIME="0")
    if given.role == "train":
        let_others_go_first()  # live scoring does

    from kindred_worker.rpc.logs import write_json_lines
    from kindred_worker.rpc.server import serve

    write_json_lines()
    code = 0
    try:
        asyncio.run(serve(given.role, given.host, given.port))
    except RuntimeError as error:
        logging.getLogger("kindred_worker").error("cannot serve: %s", error)
        code = 1
    sys.stderr.flush()
    # Everything is answered and written; waiting for threads and for torch to unload could outlast the 10 s of a stop.
    os._exit(code)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    main()
