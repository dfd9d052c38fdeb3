"""How the platform fails: one clear sentence, then the next step."""

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


class ConfigurationError(MovieMlopsError):
    """A setting, an option or a file under ``config/`` cannot be used as it is."""

    code = "configuration"
