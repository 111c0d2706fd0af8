"""Who goes first where there are fewer cores than work."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

NICENESS = 10
AUTOGROUP = Path("/proc/self/autogroup")


def let_others_go_first() -> None:
    """Lowers this process's share of the cores.

    Linux schedules sessions as groups (sched(7), "The autogroup feature"), and niceness then counts within a session only: a worker
    that leads one of its own, as under `npm start`, would keep an equal share beside all services. So its group gets the same
    niceness. A session that somebody else leads is left alone: their shell would be slowed down with it.
    """
    os.nice(NICENESS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # no such feature here
            AUTOGROUP.write_text(str(NICENESS))
