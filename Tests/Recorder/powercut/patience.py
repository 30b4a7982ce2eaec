"""Waits for processes as long as they could have run: a machine that stood still is no hang."""

import subprocess
from pathlib import Path

TICK = 0.5


def finish(process: subprocess.Popen[str], seconds: float) -> str | None:
    """What the process says until it ends; `None` if it does not end within so many seconds.

    Only ticks of this clock count in which the process was not stopped: where both stand still, as when a laptop sleeps or a
    machine is lent to a benchmark, no time passes here.
    """
    left = seconds
    while True:
        try:
            output, _ = process.communicate(timeout=TICK)
            return output
        except subprocess.TimeoutExpired:
            if not stopped(process.pid):
                left -= TICK
            if left <= 0:
                return None


def stopped(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError, IndexError):
        return False
    return state in ("T", "t")
