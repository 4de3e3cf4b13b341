"""`python -m local.child COMMAND ...`: the command, which ends when whoever started it is gone.

A runner that is killed outright cannot stop what it started; the kernel then does (Linux, PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  no shell is wanted


if __name__ == "__main__":
    main()
