"""A command as a whole process: how long it took, and how much memory it had at its peak."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Run(NamedTuple):
    """What became of a command: its exit code, seconds, peak memory in MiB, and what it printed and told."""

    code: int
    seconds: float
    peak_memory_mib: int
    out: str
    err: str


def run_whole(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end and measure it.

    A process starts with the peak memory of the one that forked it, so a small one of its own does that and keeps time.

    Args:
        command: The program and its arguments.
        cwd: Where; here, if ``None``.
        env: What its environment has besides ours.
    """
    ours, theirs = os.pipe()
    with os.fdopen(ours) as figures:
        launcher = [sys.executable, "-I", "-S", __file__, str(theirs), *command]
        whole = {**os.environ, **(env or {})}  # noqa: TID251 - handed on as it is
        done = subprocess.run(  # noqa: S603 - this module
            launcher, cwd=cwd, env=whole, pass_fds=(theirs,), capture_output=True, text=True, check=False
        )
        os.close(theirs)
        code, seconds, kibibytes = figures.read().split()
    return Run(int(code), float(seconds), int(kibibytes) // 1024, done.stdout, done.stderr)


def _launch(descriptor: int, command: Sequence[str]) -> None:
    begun = time.perf_counter()
    process = os.posix_spawnp(command[0], [*command], os.environ)  # noqa: TID251 - handed on as it is
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - begun
    os.write(descriptor, f"{os.waitstatus_to_exitcode(status)} {seconds} {usage.ru_maxrss}".encode())


if __name__ == "__main__":
    _launch(int(sys.argv[1]), sys.argv[2:])
