"""The main job: from a source to a release, each step skipped where nothing that it depends on has changed."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.features.engines import LOCAL, FeatureEngine
from movie_mlops.flows import bundle_care
from movie_mlops.flows import evaluate as evaluating
from movie_mlops.flows import features as featuring
from movie_mlops.flows import gate as gating
from movie_mlops.flows import ingest as ingesting
from movie_mlops.flows import release as releasing
from movie_mlops.flows import shelf as shelving
from movie_mlops.flows import train as training
from movie_mlops.flows.card import write_card
from movie_mlops.flows.compare import keep_scores
from movie_mlops.flows.config import PlatformConfig, Recipe
from movie_mlops.flows.datasets import make_active
from movie_mlops.flows.erasure import check_not_returned
from movie_mlops.flows.errors import FlowError, RefusedError
from movie_mlops.flows.journal import FlowJournal
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.provenance import code_commit, require_committed
from movie_mlops.flows.release import Careful
from movie_mlops.flows.remembered import MADE_BY, reference_bytes
from movie_mlops.flows.steps import Enough, Result, StepReport, Steps, one_at_a_time
from movie_mlops.flows.update import bring_up
from movie_mlops.ingest import Source, check_names
from movie_mlops.lake import INTERACTIONS, MOVIES, LakeConfig
from movie_mlops.release import KeysConfig, Verdict

_DATA_ROOMS = ("lake", "ingest")
_MODEL_ROOMS = ("features", "recommenders", "evaluation")


@dataclass(frozen=True)
class RunReport:
    """What the main job did.

    Attributes:
        dataset: The data set.
        report: The HTML report of the evaluation.
        steps: Each step, in order, with its time, memory and result; of one step, those before it too.
        serving: The bundle that serves now.
        only: The one step that was asked for.
    """

    dataset: str
    report: Path
    steps: tuple[StepReport, ...]
    serving: str | None
    only: str | None = None

    def result(self, step: str) -> Result:
        """Return the result of a step."""
        return next(report.result for report in self.steps if report.name == step)

    @property
    def refusal(self) -> RefusedError | None:
        """Why there is no new release, where the gate refused it."""
        if self.only not in {None, "release"} or self.result("release")["action"] != "refused":
            return None
        goes_on = "nothing serves" if self.serving is None else f"{self.serving} goes on serving"
        failed = " ".join(check.sentence for check in Verdict.from_json(self.result("gate")).failed)
        return RefusedError(
            f"The gate refused {self.result('gate')['candidate']}, and {goes_on}: {failed}",
            next_step=f"Look at {self.report.with_name('gate.html')}, bring more data, or try other recipes in"
            " config/platform.yaml.",
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        if self.only is not None:
            return {"dataset": self.dataset, "step": self.steps[-1].to_json()}
        return {
            "dataset": self.dataset,
            "rows": {
                name: value
                for name, value in self.result("ingest").items()
                if name.startswith(("rows", "movies", "events"))
            },
            "models": self.result("evaluate")["models"],
            "candidate": self.result("evaluate")["candidate"],
            "gate": self.result("gate"),
            "release": self.result("release"),
            "report": str(self.report),
            "seconds": round(sum(report.seconds for report in self.steps), 3),
            "peak_memory_mib": max(report.peak_memory_mib for report in self.steps),
            "steps": [report.to_json() for report in self.steps],
        }


def run(
    source: Source | None,
    *,
    home: Path,
    config: PlatformConfig,
    dataset: str | None = None,
    careful: Careful | None = None,
    lakes: LakeConfig | None = None,
    only: str | None = None,
    production: bool = False,
    state_url: SecretStr | None = None,
    keys: KeysConfig | None = None,
    engine: FeatureEngine = LOCAL,
    progress: Progress = SILENT,
    on_start: Callable[[str], None] = lambda _name: None,
    on_end: Callable[[StepReport], None] = lambda _report: None,
) -> RunReport:
    """Run the main job, or one step of it on what the steps before it have made.

    Args:
        source: Where the data comes from; its name is the data set's. ``None``: nothing is read but the event log, on
            top of what the lake has.
        home: The folder of all state.
        config: What the project chose.
        dataset: The data set, where there is no source.
        careful: How the canary goes that a release begins with; ``None`` gives it to everybody at once.
        lakes: The place of the lakes, where it is not in ``home``.
        only: The one step to run, of :data:`~movie_mlops.flows.definition.MAIN_JOB`; all of them by default.
        production: Refuse to start where the code is not that of a commit.
        state_url: The PostgreSQL that keeps the state, where it is not in ``home``.
        keys: What signs the bundle and whose bundles serve, where that is not in ``home``.
        engine: Where heavy work is done: no result hangs on it, so that a step that one has done is done for another.
        progress: Told of long work.
        on_start: Called with a step's name when it starts.
        on_end: Called with each step's report.

    Raises:
        DirtyTreeError: It is for production, and files differ from the commit.
        FlowError: There is nothing to learn from, nothing that could be released, or a step before the one that is
            asked for has not been done.
        MovieMlopsError: A step cannot be done; nothing is half-written.
    """
    if production:
        require_committed()
    if source is not None:
        source.prepare(progress)
    name = dataset if source is None else source.dataset
    if name is None:
        message = "without a source the data set must be named"
        raise ValueError(message)
    workspace = Workspace(home, name)
    with one_at_a_time(workspace.lock):
        platform = Platform(workspace, config, lakes, keys=keys, state_url=state_url, engine=engine)
        try:
            journal = FlowJournal(platform.database, platform.lake)
            steps = Steps(platform.database, journal, only=only, on_start=on_start, on_end=on_end)
            with suppress(Enough):
                _run_steps(platform, source, steps, progress, careful)
            report = RunReport(
                workspace.dataset,
                evaluating.report_path(workspace),
                tuple(steps.reports),
                releasing.serving(platform),
                only,
            )
        finally:
            platform.close()
        if report.serving is not None and source is not None:
            make_active(workspace)
    return report


def _run_steps(
    platform: Platform, source: Source | None, steps: Steps, progress: Progress, careful: Careful | None
) -> None:
    config, lake = platform.config, platform.lake
    check_names(platform.lake, pseudonyms=platform.people.pseudonyms is not None)
    check_not_returned(platform)
    ingested = steps.run(
        "ingest",
        inputs=ingesting.ingest_inputs(platform, source),
        rooms=_DATA_ROOMS,
        # New events come all the time: what builds on an ingest builds on what that one brought in.
        from_outside=True,
        work=lambda: ingesting.ingest(platform, source, progress=progress),
        still_there=lambda made: all(lake.version(table) == at for table, at in made["versions"].items()),
    )
    if not ingested["rows_good"] and not lake.has_rows(INTERACTIONS):
        raise FlowError(
            f"None of the {ingested['rows_read']:,} rows of {platform.workspace.dataset} keeps the contract"
            f" ({', '.join(ingested['reasons'])}).",
            next_step=f"Look at them: movie-mlops ingest quarantine --dataset {platform.workspace.dataset}",
        )
    featured = steps.run(
        "features",
        inputs={"lake": ingested["versions"], "feedback": _plain(config, "feedback")},
        rooms=("features", "lake", "events"),
        work=lambda: featuring.features(platform, ingested),
        still_there=lambda made: all(lake.version(table) == at for table, at in made["versions"].items()),
    )
    champion, _ = releasing.recipe_of(platform, platform.ledger.champion())
    recipes = evaluating.recipes_to_try(config, champion)
    update = careful is not None and careful.update
    if update and champion is not None:
        wanted = {*config.baselines, evaluating.name_of_champion(config, champion)}
        recipes = tuple(recipe for recipe in recipes if recipe.name in wanted)
    data = {
        "dataset": platform.workspace.dataset,
        "lake_versions": ingested["versions"],
        "feature_versions": featured["views"],
    }
    # Three steps may want it, and it is the same.
    feedback = cache(lambda: featuring.training_feedback(platform, ingested))
    movies = cache(lambda: featuring.known_movies(lake, version=ingested["versions"][MOVIES]))
    users = cache(lambda: featuring.users_at(lake, ingested["versions"]))
    evaluated = steps.run(
        "evaluate",
        inputs={
            **data,
            "recipes": _recipes(recipes),
            "metric": config.gate.metric,
            **_plain(
                config,
                "protocol",
                "feedback",
                "time_split",
                "user_folds",
                "strong_generalisation",
                "leave_one_out",
                "cold_users",
                "cold_films",
                "evaluation",
                "baselines",
                "composed_users",
                "budget_minutes",
            ),
        },
        rooms=_MODEL_ROOMS,
        work=lambda: evaluating.evaluation(
            platform,
            feedback(),
            recipes,
            movies=movies(),
            facts={
                "data set": platform.workspace.dataset,
                "provenance": _provenance(source),
                "rows": ingested.get("rows_in_lake", ingested["rows_good"]),
                "films": ingested["movies"],
            },
            serving=None if champion is None else evaluating.name_of_champion(config, champion),
            progress=progress,
        ),
        still_there=lambda made: evaluating.outcome_is_there(platform.workspace, made),
    )
    candidate = next(recipe for recipe in recipes if recipe.name == evaluated["candidate"])
    facts = {
        **data,
        "evaluation": {"case": evaluated["case"], **evaluated["models"][candidate.name]},
        "judged": evaluating.judged(config, evaluated),
    }
    trained = steps.run(
        "train",
        inputs={
            **facts,
            "recipe": _recipes((candidate,)),
            "feedback": _plain(config, "feedback"),
            "commit": code_commit(),
            "reference": dict(MADE_BY),
            "updated_from": releasing.serving(platform) if update else None,
        },
        rooms=_MODEL_ROOMS,
        work=lambda: training.train(
            platform,
            feedback(),
            candidate,
            movies=movies,
            users=users,
            facts=facts,
            reference=lambda: reference_bytes(lake, ingested["versions"], config.feedback),
            brought_up=bring_up(platform, feedback(), candidate) if update else None,
            progress=progress,
        ),
        still_there=lambda made: releasing.bundle_is_whole(platform, made["bundle_id"]),
    )
    shelving.shelve(platform, trained["bundle_id"])
    opponent, note = releasing.recipe_of(platform, releasing.rival(platform, trained["bundle_id"]))
    opponent_name = None if opponent is None else evaluating.name_of_champion(config, opponent)
    if opponent_name not in evaluated["models"]:
        # What the champion replaced, by a recipe that is listed no more, was not evaluated again.
        opponent_name = None
    case = gating.Case(trained["bundle_id"], evaluated, ingested, candidate.name, opponent_name, note)
    verdict = steps.run(
        "gate",
        inputs=gating.gate_inputs(platform, case),
        rooms=("release", *_MODEL_ROOMS),
        work=lambda: gating.gate(platform, case, feedback, progress),
        still_there=lambda _made: gating.reports_are_there(platform.workspace),
    )
    released = steps.run(
        "release",
        inputs={"bundle": trained["bundle_id"], "passed": verdict["passed"], "careful": careful is not None},
        rooms=("release",),
        work=lambda: releasing.release(platform, trained["bundle_id"], verdict, careful),
        # What serves may have been rolled back since, and a canary may have ended: the ledger is asked each time.
        still_there=lambda made: made["serving"] == releasing.serving(platform) and made["action"] != "canary",
    )
    steps.run(
        "track",
        inputs={"evaluated": evaluated["models"], "bundle": trained["bundle_id"], **data},
        rooms=("release",),
        work=lambda: releasing.track(
            platform, evaluated, trained, released, {**data, "commit": code_commit() or "unknown"}
        ),
        still_there=lambda _made: (platform.workspace.experiments / "mlflow.db").exists(),
    )
    steps.run(
        "register",
        inputs={"bundle": trained["bundle_id"], "signed_by": trained["signed_by"], **shelving.state(platform)},
        rooms=("release", "flows"),
        work=lambda: _register(platform, trained["bundle_id"], candidate.name),
        still_there=lambda made: Path(made["card"]).exists() and Path(made["markdown"]).exists(),
    )
    if retired := bundle_care.retired(platform):
        bundle_care.collect(platform, by="run", only=retired)


def _register(platform: Platform, bundle_id: str, candidate: str) -> Result:
    keep_scores(platform, bundle_id, candidate)
    html, markdown = write_card(platform, bundle_id)
    releasing.mirror(platform)
    registered = platform.registry.find(bundle_id)
    return {"label": registered and registered.label, "card": str(html), "markdown": str(markdown)}


def _plain(config: PlatformConfig, *names: str) -> dict[str, Any]:
    return config.model_dump(mode="json", include=set(names))


def _recipes(recipes: tuple[Recipe, ...]) -> list[dict[str, Any]]:
    return [recipe.model_dump(mode="json") for recipe in recipes]


def _provenance(source: Source | None) -> str:
    if source is None:
        return "from the lake and the event log"
    return getattr(source, "provenance", f"from {source.dataset}")
