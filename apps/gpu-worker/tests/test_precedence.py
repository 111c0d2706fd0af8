from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
import os
from pathlib import Path
from kindred_worker.precedence import let_others_go_first
let_others_go_first()
group = Path('/proc/self/autogroup')
print(os.nice(0), group.read_text() if group.exists() else '')
"""


def show(own_session: bool) -> list[str]:
    shown = subprocess.run([sys.executable, "-c", SHOW], start_new_session=own_session, capture_output=True, text=True, check=True)
    return shown.stdout.split()


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="sessions are not scheduled as groups here")
def test_whoever_leads_a_session_lowers_the_share_of_all_of_it() -> None:
    assert show(own_session=True)[-2:] == ["nice", "10"]


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="sessions are not scheduled as groups here")
def test_the_session_of_somebody_else_keeps_its_share() -> None:
    before = Path("/proc/self/autogroup").read_text()  # nothing at all in the session that the machine began with
    show(own_session=False)
    assert Path("/proc/self/autogroup").read_text() == before


def test_niceness_is_raised_in_either_case() -> None:
    assert [show(own_session)[0] for own_session in (True, False)] == [str(min(19, os.nice(0) + 10))] * 2
