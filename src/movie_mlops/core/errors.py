"""How the platform fails: one clear sentence, then the next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class MovieMlopsError(Exception):
    """Anything that a user can do something about.

    Attributes:
        problem: One sentence that says what is wrong, with the facts in it.
        next_step: One sentence that says what to do, with the command where there is one.
        code: A stable, dashed word for programs (``problem+json``, ``--json``).
        retryable: Whether the same call may succeed later with nothing changed.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, problem: str, *, next_step: str) -> None:
        super().__init__(f"{problem} {next_step}")
        self.problem = problem
        self.next_step = next_step

    def to_json(self) -> dict[str, str]:
        """Return the error as plain data."""
        return {"code": self.code, "problem": self.problem, "next_step": self.next_step}


@dataclass(frozen=True, slots=True)
class ItemFault:
    """Why one item of a batch refuses the whole of it.

    Attributes:
        position: Which it is, from 0.
        field: The field that is wrong.
        reason: The end of a sentence that begins with the field.
        code: A word for programs.
    """

    position: int
    field: str
    reason: str
    code: str


class BatchRefusedError(MovieMlopsError):
    """A batch that is taken whole or not at all, and is not.

    Attributes:
        faults: Why, item by item; at least one.
    """

    def __init__(self, problem: str, *, next_step: str, faults: Sequence[ItemFault]) -> None:
        super().__init__(problem, next_step=next_step)
        self.faults = tuple(faults)


class ConfigurationError(MovieMlopsError):
    """A setting, an option or a file under ``config/`` cannot be used as it is."""

    code = "configuration"
