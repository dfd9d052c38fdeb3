"""What is to be made: the files with what they hold, and what stays as it is."""

from typing import NamedTuple

from movie_mlops.standard.scaffold.writing import Planned


class Plan(NamedTuple):
    """What a command is about to make.

    Attributes:
        title: What it is, one line.
        files: The files to be written, in order.
        kept: Paths that are there already and stay as they are.
        next_steps: What to do then, one line each.
    """

    title: str
    files: tuple[Planned, ...]
    kept: tuple[str, ...]
    next_steps: tuple[str, ...]
