"""How something is that others depend on: what is the matter with it, and what to do."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "degraded", "failed"]
"""As it should be; slower or poorer, or soon worse; not to be used at all."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a dependency is, in words that everybody may read: no paths, no addresses, no secrets.

    Attributes:
        state: The one word.
        reason: Why, in a sentence; ``None`` where it is as it should be.
        next_step: What to do about it.
    """

    state: State = "ok"
    reason: str | None = None
    next_step: str | None = None

    def document(self) -> dict[str, str | None]:
        """Return it in the API's shape."""
        return {"state": self.state, "reason": self.reason, "next_step": self.next_step}


OK = Condition()
