"""Settings of recommenders, chosen inside the training part alone; what was tried, and how it went, is written down."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from movie_mlops.core import clock, report_page
from movie_mlops.core.digests import digest
from movie_mlops.core.progress import Progress
from movie_mlops.evaluation import (
    EvaluationCase,
    Interval,
    compare,
)
from movie_mlops.evaluation.tuning_report import write_tuning_report
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.provenance import (
    code_commit,
    code_digest,
    machine,
    package_versions,
)
from movie_mlops.flows.trial import Deadline, Panel
from movie_mlops.flows.tuned import Found, TunedSettings
from movie_mlops.flows.validation import cases_sha256
from movie_mlops.recommenders import Choice, Range, create, search_space, value_at, with_values

_CODE: Final = ("evaluation", "recommenders")


@dataclass(frozen=True)
class Wanted:
    """A recommender to be tuned.

    Attributes:
        name: What it is called: a recipe's name, or the recommender's own.
        model: The recommender.
        params: Its parameters before the search.
        fixed: The names of those that are not searched.
    """

    name: str
    model: str
    params: Mapping[str, Any]
    fixed: frozenset[str] = frozenset()

    @property
    def start(self) -> dict[str, Any]:
        """All its parameters before the search, as plain data."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(create(self.model, self.params).params)))
        return plain

    @property
    def space(self) -> dict[str, Range | Choice]:
        """Where each parameter that is searched may lie, the one that it has included."""
        return {
            name: _with(where, value_at(self.start, name))
            for name, where in search_space(self.model, self.params).items()
            if name not in self.fixed
        }


@dataclass(frozen=True)
class Plan:
    """How settings are searched for.

    Attributes:
        data: The data set, or the folder of given folds, for the reader.
        metric: The metric that decides.
        seed: Of the split, of the order of the users and of what is proposed.
        minutes: For all recommenders together, in equal parts; what one leaves over goes to the next.
        trials: How many settings of each; ``None`` for as many as the time allows.
        study: The beginning of the studies' names; ``None`` for a name that follows from what is searched for, so
            that the same search goes on and another one begins anew.
        memory_limit: Bytes that a training may take; ``None`` for what is free.
        command: The command line, for the record.
    """

    data: str
    metric: str
    seed: int
    minutes: float
    trials: int | None
    study: str | None
    memory_limit: int | None
    command: str


@dataclass(frozen=True)
class Tuning:
    """What was found for one recommender.

    Attributes:
        name: What was asked for.
        settings: As ``config/tuned.yaml`` keeps them.
        document: Everything, as the report shows it and the JSON file holds it.
        report: The HTML file; the JSON file is beside it.
    """

    name: str
    settings: TunedSettings
    document: dict[str, Any]
    report: Path


def tune(
    wanted: Sequence[Wanted],
    cases: Sequence[EvaluationCase],
    config: PlatformConfig,
    plan: Plan,
    *,
    studies: Path,
    reports: Path,
    progress: Progress,
) -> list[Tuning]:
    """Search for the best setting of each recommender, and write a report of each.

    Args:
        wanted: The recommenders.
        cases: The validation split; several windows of time, where it is by time.
        config: What is measured.
        plan: How to search.
        studies: The folder of the studies' files; a study that is there goes on.
        reports: The folder of the reports.
        progress: Who listens.

    Raises:
        FlowError: A recommender has nothing to tune or lacks what it needs, a study is about something else or busy,
            or nothing was judged to the end.
    """
    for one in wanted:
        _check(one, cases[0])
    found = []
    whole = Deadline.within(60 * plan.minutes)
    panel = Panel(cases, plan.metric, _measuring(config, plan.metric), plan.seed)
    for place, one in enumerate(wanted):
        deadline = Deadline.within(max(0.0, whole.left) / (len(wanted) - place))
        found.append(_tune(one, panel, plan, deadline, studies=studies, reports=reports, progress=progress))
    return found


def _tune(
    wanted: Wanted,
    panel: Panel,
    plan: Plan,
    deadline: Deadline,
    *,
    studies: Path,
    reports: Path,
    progress: Progress,
) -> Tuning:
    try:
        from movie_mlops.flows.search import Question, search  # noqa: PLC0415 (heavy, and its library is an extra)
    except ModuleNotFoundError as error:
        raise FlowError(
            f"Tuning needs the library {error.name}.", next_step="Install it with: pip install 'movie-mlops[tune]'"
        ) from error
    about = _about(wanted, panel, plan)
    question = Question(wanted.model, wanted.start, wanted.space, plan.seed, about)
    name = f"{plan.study or plan.data}-{wanted.name}"
    if plan.study is None:
        name += f"-{digest(about)[:8]}"
    searched = search(
        question,
        panel,
        studies / f"{name}.db",
        trials=plan.trials,
        deadline=deadline,
        memory_limit=plan.memory_limit,
        progress=progress,
    )
    best = searched.best_scores.summary()[plan.metric]
    start = searched.start_scores
    counts = {state: sum(one.state == state for one in searched.tried) for state in ("complete", "pruned", "failed")}
    settings = TunedSettings(
        model=wanted.model,
        params=_told(wanted, searched.best.params),
        found=Found(
            command=plan.command,
            at=clock.now().replace(microsecond=0),
            study=name,
            seed=plan.seed,
            tried=sum(counts.values()),
            metric=plan.metric,
            value=round(best.estimate, 6),
            low=round(best.low, 6),
            high=round(best.high, 6),
            users=len(searched.best_scores.user_ids),
            data=plan.data,
            split=_split(panel),
            data_sha256=about["data"],
            code_commit=code_commit(),
        ),
    )
    document = {
        "name": wanted.name,
        **settings.model_dump(mode="json"),
        "split": dict(panel.cases[0].facts),
        "windows": [dict(case.facts) for case in panel.cases],
        "space": about["space"],
        "start": wanted.start,
        "counts": counts,
        "best": {"number": searched.best.number, **_spanned(best)},
        "before": None if start is None else _spanned(start.summary()[plan.metric]),
        "difference": None if start is None else _spanned(compare(searched.best_scores, start, plan.metric)),
        "importance": searched.importance,
        "trials": [asdict(one) for one in searched.tried],
        "code_sha256": about["code"],
        "packages": package_versions(),
        "machine": machine(),
    }
    report = reports / f"tuning-{wanted.name}.html"
    report_page.write_whole(report.with_suffix(".json"), json.dumps(document, indent=2) + "\n")
    write_tuning_report(report, document)
    return Tuning(wanted.name, settings, document, report)


def _check(wanted: Wanted, case: EvaluationCase) -> None:
    can = create(wanted.model, wanted.params).capabilities
    if not wanted.space:
        raise FlowError(
            f"{wanted.model} has no parameter to be tuned{' that is not given' if wanted.fixed else ''}.",
            next_step="Name another recommender, or give fewer of its parameters.",
        )
    if can.needs_times and case.train_times is None:
        raise FlowError(
            f"{wanted.model} needs times, and this feedback has none.", next_step="Tune another recommender."
        )
    missing = [library for library in can.libraries if find_spec(library) is None]
    if missing:
        raise FlowError(
            f"{wanted.model} is trained by {missing[0]}, which is not installed.",
            next_step="Run scripts/setup/setup_deep.sh, or tune another recommender.",
        )


def _measuring(config: PlatformConfig, metric: str) -> Any:
    cutoff = metric.partition("@")[2]
    measuring = replace(config.evaluation, cutoffs=(int(cutoff) if cutoff.isdigit() else 10,))
    if metric not in measuring.metrics:
        known = ", ".join(name.partition("@")[0] + "@K" for name in measuring.metrics)
        raise FlowError(f"There is no metric {metric!r}.", next_step=f"Use one of {known}, such as ndcg@10.")
    return measuring


def _about(wanted: Wanted, panel: Panel, plan: Plan) -> dict[str, Any]:
    """Return everything that what is found depends on."""
    return {
        "model": wanted.model,
        "start": wanted.start,
        "space": {name: json.loads(json.dumps(asdict(where))) for name, where in wanted.space.items()},
        "metric": plan.metric,
        "seed": plan.seed,
        "data": cases_sha256(panel.cases),
        "code": code_digest(_CODE),
    }


def _split(panel: Panel) -> str:
    protocol = str(panel.cases[0].facts["protocol"])
    return protocol if len(panel.cases) == 1 else f"{protocol}, {len(panel.cases)} windows"


def _with(where: Range | Choice, value: Any) -> Range | Choice:
    """Return a range or choice that holds a value; what a project has chosen itself is never out of the question."""
    if where.holds(value):
        return where
    if isinstance(where, Choice):
        return Choice((*where.values, value))
    return replace(where, low=min(where.low, value), high=max(where.high, value), log=where.log and value > 0)


def _told(wanted: Wanted, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a recipe must name: its own and those that were searched, no other default."""
    parts = {*wanted.params, *(name.partition(".")[0] for name in found)}
    return {name: value for name, value in with_values(wanted.start, found).items() if name in parts}


def _spanned(interval: Interval) -> dict[str, float]:
    return {name: round(value, 6) for name, value in asdict(interval).items()}
