"""What flows there are, declared once: the command line runs them, and Airflow makes its DAGs of the same declaration.

A flow is a list of tasks. A task is one call of the command line, names the tasks that it needs, and can be given again
at any time: what was done already is not done twice. When a flow runs, how often a task is tried again and who is told
is the scheduler's business, and stands in ``airflow/dags``.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Task:
    """One call of the command line.

    Attributes:
        name: What it is called, once in its flow.
        command: The words after ``movie-mlops``; ``{source}``, ``{dataset}`` and the flow's own parameters are
            filled in.
        needs: The tasks that must have ended before it.
        minutes: It is stopped after so long.
        makes: The data that others may wait for.
        alone: Whether it may only run while nobody else writes the data set.
        verdict: Whether a failure is an answer, so that asking again is of no use.
        always: Whether it also has something to do where a task before it has failed.
    """

    name: str
    command: tuple[str, ...]
    needs: tuple[str, ...] = ()
    minutes: int = 60
    makes: str | None = None
    alone: bool = False
    verdict: bool = False
    always: bool = False


@dataclass(frozen=True)
class Flow:
    """Tasks that belong together.

    Attributes:
        name: What it is called.
        title: What it does, in a sentence.
        tasks: Its tasks, each after those that it needs.
        parameters: What it is told besides ``source`` and ``dataset``, each with what it means.
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    parameters: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the flow as plain data."""
        return {**asdict(self), "parameters": dict(self.parameters)}


def _step(
    name: str, *needs: str, minutes: int, makes: str | None = None, verdict: bool = False, always: bool = False
) -> Task:
    command = ("run", "--only", name, "--source", "{source}")
    return Task(name, command, needs, minutes, makes, alone=True, verdict=verdict, always=always)


MAIN_JOB: Final = (
    _step("ingest", minutes=120),
    _step("features", "ingest", minutes=60),
    _step("evaluate", "features", minutes=240),
    _step("train", "evaluate", minutes=120),
    _step("gate", "train", minutes=15),
    # It ends with an error where the gate refused: what served goes on serving, and somebody should know.
    _step("release", "gate", minutes=15, makes="release", verdict=True),
    _step("track", "release", minutes=15, always=True),
    _step("register", "track", minutes=15, always=True),
)
"""The steps of ``movie-mlops run``, in order."""

_OF: Final = ("--dataset", "{dataset}")
_MATERIALISE: Final = Task("materialise", ("features", "materialise", *_OF), ("load",), alone=True)

FLOWS: Final = (
    Flow(
        "daily_ingest",
        "What is new at the source goes into the lake, and from there into the online store.",
        (
            Task("load", ("ingest", "load", "--source", "{source}", "--incremental"), minutes=120, makes="lake"),
            _MATERIALISE,
        ),
    ),
    Flow(
        "weekly_train",
        "The main job: every model is trained and judged, and the best is released where the gate lets it pass.",
        MAIN_JOB,
    ),
    Flow(
        "batch_scoring",
        "The best films of every user, by the model that serves, go into the lake.",
        (Task("score", ("score", *_OF), minutes=240, makes="recommendations", alone=True),),
    ),
    Flow(
        "loop",
        "What the rules of the triggers propose is made and judged, and its canary is brought on.",
        # The whole main job, where a rule fires.
        (Task("turn", ("triggers", "turn", *_OF), minutes=600, alone=True),),
    ),
    Flow(
        "monitoring",
        "Are the lake, the bundles and what is served still what they should be?",
        (
            Task("lake", ("lake", "verify", *_OF), verdict=True),
            Task("bundles", ("models", "verify", *_OF), verdict=True),
            Task("parity", ("features", "parity", *_OF), verdict=True),
            Task("drift", ("monitor", "drift", *_OF)),
            Task("quality", ("monitor", "quality", *_OF), verdict=True),
        ),
    ),
    Flow(
        "retention",
        "What is older than it may be goes.",
        (Task("retention", ("security", "retention", *_OF), minutes=60, alone=True),),
    ),
    Flow(
        "backfill",
        "A range of days is loaded again from the source; other loads may go on meanwhile.",
        (
            Task(
                "load",
                ("ingest", "load", "--source", "{source}", "--since", "{since}", "--until", "{until}"),
                minutes=240,
            ),
            _MATERIALISE,
        ),
        (("since", "The first day, such as 2024-01-01."), ("until", "The day after the last, such as 2024-02-01.")),
    ),
)
"""Every flow."""
