"""Who is told, how, and how often; ``config/notify.yaml`` is this, written out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from movie_mlops.monitoring.errors import MonitoringError

RUNBOOKS: Final = "https://github.com/movie-mlops/movie-mlops/blob/main/docs/06-monitoring/runbooks-guide.md"
_MOST_PORT: Final = 65_535


def _default_repeats() -> dict[str, float]:
    return {"page": 3_600.0, "ticket": 86_400.0}


@dataclass(frozen=True)
class MailConfig:
    """How e-mail is sent.

    Attributes:
        host: The mail server; ``""`` sends none.
        port: Where it listens.
        starttls: Whether the connection is encrypted before anything else is said. A password is never sent without.
        user: Who signs in; ``""`` signs in nobody. The password is ``MOVIE_MLOPS_NOTIFY_PASSWORD``.
        sender: Whom it comes from.
        recipients: Whom it goes to.
    """

    host: str = ""
    port: int = 587
    starttls: bool = True
    user: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could not be sent when it matters."""
        if self.host and not (self.sender and self.recipients):
            raise MonitoringError(
                f"mail names the server {self.host}, but not from whom and to whom.",
                next_step="Give mail.sender and mail.recipients.",
            )
        if self.user and not self.starttls:
            raise MonitoringError(
                "mail would send a password that everybody on the way can read.", next_step="Set mail.starttls to true."
            )
        if not 0 < self.port <= _MOST_PORT:
            raise MonitoringError(f"mail.port is {self.port}.", next_step="Give a port, such as 587.")


@dataclass(frozen=True)
class NotifyConfig:
    """How what goes wrong is told where there is no Alertmanager.

    Attributes:
        every_seconds: Between two looks.
        group_seconds: Between two messages at least; what changes meanwhile comes together in one.
        repeat_seconds: What still goes on is told again after so long, by severity.
        file: Messages are appended to it as lines of JSON, below the home; ``""`` keeps none.
        mail: E-mail.
        runbooks: The page whose headings say what to do.
        patience_seconds: How long a receiver may take.
        longest_wait_seconds: A receiver that is down is tried again after 1, 2, 4 … seconds, so many at most.
        most_waiting: So many messages wait for a receiver; more push out the oldest.
    """

    every_seconds: float = 15.0
    group_seconds: float = 60.0
    repeat_seconds: Mapping[str, float] = field(default_factory=_default_repeats)
    file: str = "logs/alerts.jsonl"
    mail: MailConfig = field(default_factory=MailConfig)
    runbooks: str = RUNBOOKS
    patience_seconds: float = 10.0
    longest_wait_seconds: float = 300.0
    most_waiting: int = 100

    def __post_init__(self) -> None:
        """Refuse what is no time."""
        times = {f"repeat_seconds.{name}": value for name, value in self.repeat_seconds.items()}
        for name in ("every_seconds", "group_seconds", "patience_seconds", "longest_wait_seconds"):
            times[name] = getattr(self, name)
        for name, value in times.items():
            if not (math.isfinite(value) and value > 0):
                raise MonitoringError(f"{name} is {value}.", next_step="Give a number of seconds above 0.")
        if self.repeat_seconds.keys() != {"page", "ticket"}:
            raise MonitoringError(
                f"repeat_seconds is given for {', '.join(self.repeat_seconds) or 'nothing'}.",
                next_step="Give it for page and ticket.",
            )
        if self.most_waiting < 1:
            raise MonitoringError(f"most_waiting is {self.most_waiting}.", next_step="Let at least 1 message wait.")
