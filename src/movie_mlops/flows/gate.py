"""Step 5: the gates of data, model and code, and their verdict on disk."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import polars as pl
from pydantic import TypeAdapter

import movie_mlops
from movie_mlops.core import clock, report_page
from movie_mlops.core.columns import USER_ID
from movie_mlops.core.digests import Plain
from movie_mlops.core.nouns import Workspace
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.evaluation import Films, Scores
from movie_mlops.flows.evaluate import scores_path
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.release import rival
from movie_mlops.flows.scores import read_scores
from movie_mlops.flows.steps import Result
from movie_mlops.lake import INTERACTIONS, MOVIES, LakeError
from movie_mlops.release import (
    Action,
    Bundle,
    BundleError,
    GateConfig,
    GateError,
    Verdict,
    apply_waivers,
    digest_of,
    judge,
    read_bundle,
    read_manifest,
    to_markdown,
    write_page,
)
from movie_mlops.release.gates import (
    Audience,
    Batch,
    Check,
    TrainingData,
    Trial,
    judge_behaviour,
    judge_code,
    judge_data,
    judge_lists,
    judge_robustness,
    judge_segments,
    not_measured,
    start_measuring,
)

JSON_NAME: Final = "gate.json"
_NAMES: Final = (JSON_NAME, "gate.md", "gate.html")


@dataclass(frozen=True)
class Case:
    """Everything that a verdict is made from.

    Attributes:
        bundle_id: The candidate.
        evaluated: What the evaluation gave.
        ingested: What was brought in.
        name: Under which name the candidate was evaluated.
        champion: Under which name the champion's recipe was; ``None`` where there is none to compare with.
        note: What else belongs beside the verdict.
    """

    bundle_id: str
    evaluated: Result
    ingested: Result
    name: str
    champion: str | None
    note: str | None = None


def gate_inputs(platform: Platform, case: Case) -> dict[str, Plain]:
    """Return what the verdict depends on."""
    config, opponent = platform.config.gate, rival(platform, case.bundle_id)
    dated = bool(platform.config.waivers) or config.data.max_age_days is not None
    return {
        "evaluated": case.evaluated["models"],
        "candidate": case.name,
        "champion": case.champion,
        "note": case.note,
        "bundle": case.bundle_id,
        "rival": None if opponent is None else opponent.bundle_id,
        "read": {name: case.ingested[name] for name in ("rows_read", "rows_good", "reasons", "versions")},
        "gate": TypeAdapter(GateConfig).dump_python(config, mode="json"),
        "baselines": list(platform.config.baselines),
        "waivers": digest_of(platform.config.waivers),
        "day": _day(platform, case.bundle_id).isoformat() if dated else None,
    }


def gate(platform: Platform, case: Case, feedback: Callable[[], pl.DataFrame], progress: Progress) -> Result:
    """Judge the candidate and write the verdict as JSON, Markdown and HTML."""
    verdict = judge_case(platform, case, feedback, progress)
    document = document_of(verdict, case.note)
    folder = platform.workspace.reports
    report_page.write_whole(folder / JSON_NAME, json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    report_page.write_whole(folder / "gate.md", to_markdown(verdict))
    write_page(
        folder / "gate.html", verdict, dataset=platform.workspace.dataset, command=command_of(platform.workspace)
    )
    return document


def reports_are_there(workspace: Workspace) -> bool:
    """Return whether the verdict still lies where the gate writes it."""
    return all((workspace.reports / name).exists() for name in _NAMES)


def document_of(verdict: Verdict, note: str | None) -> Result:
    """Return the verdict as what is kept of it."""
    return {**verdict.to_json(), "text": verdict.to_text(), "note": note}


def command_of(workspace: Workspace) -> str:
    """Return the command line that shows the verdict."""
    return f"movie-mlops release gate --dataset {workspace.dataset}"


def judge_case(
    platform: Platform, case: Case, feedback: Callable[[], pl.DataFrame], progress: Progress = SILENT
) -> Verdict:
    """Ask everything of the candidate that the configuration asks.

    Args:
        platform: The stores.
        case: What is judged.
        feedback: What is known of users and films; asked for once.
        progress: Who listens.
    """
    config = platform.config.gate
    scores = read_scores(scores_path(platform.workspace), platform.config.evaluation)
    candidate, champion = scores[case.name], None if case.champion is None else scores[case.champion]
    verdict = judge(
        candidate, {name: scores[name] for name in platform.config.baselines if name in scores}, champion, config
    )
    verdict = replace(verdict, bundle_id=case.bundle_id, judged_at=clock.to_iso(clock.now()))
    checks = [
        *_data(platform, case),
        judge_segments(candidate, champion, config.metric, config.segments),
        *_lists(case, candidate, champion, config),
    ]
    try:
        bundle = read_bundle(platform.workspace.models / case.bundle_id, trust=platform.keys.trust)
    except BundleError as error:
        checks.append(_whole(passed=False, sentence=error.problem))
    else:
        vouched = "Every byte of the bundle is what its manifest says, and a trusted key vouches for it."
        checks.append(_whole(passed=True, sentence=vouched))
        checks += _bundle(platform, case, bundle, feedback(), progress)
    return apply_waivers(verdict.plus(checks), platform.config.waivers, config.waivers, _day(platform, case.bundle_id))


def _data(platform: Platform, case: Case) -> list[Check]:
    version = case.ingested["versions"][INTERACTIONS]
    now = TrainingData.of(platform.lake.scan(INTERACTIONS, version=version))
    last, missing = _last_training_set(platform, case, version, now)
    batch = Batch(case.ingested["rows_read"], case.ingested["rows_good"], case.ingested["reasons"])
    return judge_data(batch, now, last, platform.config.gate.data, missing=missing)


def _last_training_set(
    platform: Platform, case: Case, version: int, now: TrainingData
) -> tuple[TrainingData | None, str | None]:
    opponent = rival(platform, case.bundle_id)
    if opponent is None:
        return None, "The data is compared with nothing, because nothing serves yet."
    try:
        facts: Mapping[str, Any] = read_manifest(platform.workspace.models / opponent.bundle_id).facts
        former = facts.get("lake_versions", {}).get(INTERACTIONS)
        if former is None:
            return None, f"{opponent.bundle_id} does not say which data it was made of."
        if former == version:
            return now, None
        return TrainingData.of(platform.lake.scan(INTERACTIONS, version=former)), None
    except (BundleError, LakeError) as error:
        return None, f"The data is not compared with what serves. {error.problem}"


def _lists(case: Case, candidate: Scores, champion: Scores | None, config: GateConfig) -> list[Check]:
    cutoff = config.metric.partition("@")[2]
    found = None if case.champion is None else (_list_metrics(case, case.name), _list_metrics(case, case.champion))
    return judge_lists(candidate, champion, found, cutoff=cutoff, config=config.lists, segments=config.segments)


def _list_metrics(case: Case, name: str) -> dict[str, float]:
    return {metric: float(found["estimate"]) for metric, found in case.evaluated["models"][name].items()}


def _bundle(platform: Platform, case: Case, bundle: Bundle, feedback: pl.DataFrame, progress: Progress) -> list[Check]:
    config, manifest = platform.config.gate, bundle.manifest
    audience = Audience.of(feedback, bundle.movie_ids)
    sample = audience.sample(config.behaviour.users, config.behaviour.seed)
    # It goes on in a process of its own while the rest is judged here.
    measuring = start_measuring(bundle.path, platform.keys.trust, sample, config.footprint)
    versions = case.ingested["versions"]
    said = platform.lake.scan(INTERACTIONS, version=versions[INTERACTIONS])
    movies = platform.lake.scan(MOVIES, version=versions[MOVIES]).collect()
    trial = Trial(
        model=bundle.recommender,
        movie_ids=bundle.movie_ids,
        films=Films.of(movies, bundle.movie_ids),
        audience=sample,
        likes=audience.likes(),
        said=said.filter(pl.col(USER_ID).is_in(sample.user_ids)).collect(),
        feedback=platform.config.feedback,
    )
    checks = judge_behaviour(trial, config.behaviour)
    checks.append(judge_robustness(manifest.model, manifest.params, audience, config.robustness, progress=progress))
    facts: Mapping[str, Any] = manifest.facts
    checks += judge_code(facts.get("code_commit"), facts.get("packages") or {}, _checkout(), config.code)
    if measuring is None:
        return [*checks, not_measured()]
    try:
        return [*checks, *measuring.checks()]
    except GateError as error:
        return [*checks, Check("latency", passed=False, estimate=None, low=None, high=None, sentence=error.problem)]


def _whole(*, passed: bool, sentence: str) -> Check:
    return Check("bundle-whole", passed, None, None, None, sentence, waivable=False)


def _day(platform: Platform, bundle_id: str) -> date:
    """Return by which day waivers are judged: that of the promotion, where the candidate was promoted and serves."""
    champion = platform.ledger.champion()
    if champion is not None and champion.bundle_id == bundle_id and champion.action is Action.PROMOTE:
        return champion.at.date()
    return clock.now().date()


def _checkout() -> Path | None:
    root = Path(movie_mlops.__file__).parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / ".git").exists() else None
