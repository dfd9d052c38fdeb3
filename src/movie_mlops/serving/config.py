"""How the API behaves."""

from dataclasses import dataclass, field
from pathlib import Path

from movie_mlops.release.rollout import RolloutConfig
from movie_mlops.security import FormerToken, SecurityConfig
from movie_mlops.serving.rules import Rules

_PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class ServingConfig:
    """Settings of the API; the stores that it reads and writes are arguments of ``create_app``.

    Attributes:
        admin_token: Whoever shows it is the administrator; ``None`` for nobody.
        former_token: The one before it, while it goes on.
        poll_seconds: How often the ledger is asked for the champion.
        films_seconds: How often it is asked whether something new is known of films, such as what is liked lately.
        max_body_bytes: The largest body of a request; more is answered with 413.
        impression_queue: How many answers may wait to be written; more are given but not kept, and counted.
        impression_batch: How many answers one transaction writes at most.
        impression_delay_seconds: How long the first answer of a batch waits for company.
        worker_threads: Threads for routes that wait for the database (events, passports, admin). It stays below the
            size of the database's connection pool, so that the recommendation route always gets a connection.
        longest_wait_seconds: How long a request may have waited for those before it; one that has is refused with 503.
            Those that arrive meanwhile are looked at in the next turn, so an answer is late by twice that at most.
        most_waiting: How many requests may wait for one of these threads; further ones are refused with 503.
        reasons: How many films of the history a reason names at most.
        remembered_answers: How many of the newest answers are kept, to be given again where nothing has changed since.
        patience_seconds: How long ``/metrics`` and ``/readyz`` wait for stores that do not answer.
        history_seconds: How often the server notes its own metrics for the console.
        audit_seconds: How often it is put on record what came to nothing, such as wrong tokens, in sums.
        served_every: What one in so many answers was made from is kept, to be computed again; 0 keeps none.
        rules: What the house wants of every list.
        rollout: How releases are rolled out, and how much chance there is in the lists.
        security: Who comes in, and how much they may ask.
        pages: The folder of the pages' words, modules and styles, served at ``/static``; without it there is no page.
    """

    admin_token: str | None = field(default=None, repr=False)
    former_token: FormerToken | None = None
    poll_seconds: float = 1.0
    films_seconds: float = 300.0
    max_body_bytes: int = 2 * 1024 * 1024
    impression_queue: int = 10_000
    impression_batch: int = 200
    impression_delay_seconds: float = 0.25
    worker_threads: int = 8
    longest_wait_seconds: float = 0.1
    most_waiting: int = 32
    reasons: int = 2
    remembered_answers: int = 1000
    patience_seconds: float = 2.0
    history_seconds: float = 60.0
    audit_seconds: float = 60.0
    served_every: int = 100
    rules: Rules = field(default_factory=Rules)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    pages: Path = _PAGES
