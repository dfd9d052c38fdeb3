"""Steps 5 to 7: the gate, the release, the record of the experiments."""

from pathlib import Path

from movie_mlops.flows.config import Recipe
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.scores import read_scores
from movie_mlops.flows.steps import Result
from movie_mlops.release import BundleError, Run, Tracking, TrackingConfig, judge, read_bundle, read_manifest

_APPROVED_BY = "gate"


def champion_recipe(platform: Platform) -> Recipe | None:
    """Return how the champion was made; ``None`` while nothing serves."""
    champion = platform.ledger.champion()
    if champion is None:
        return None
    manifest = read_manifest(platform.workspace.models / champion.bundle_id)
    return Recipe(name="champion", model=manifest.model, params=dict(manifest.params))


def gate(platform: Platform, evaluated: Result, *, champion: str | None) -> Result:
    """Judge the candidate against the baselines and the champion on the same split.

    Args:
        platform: The stores.
        evaluated: What the evaluation gave.
        champion: Under which name the champion's recipe was judged; ``None`` while nothing serves.
    """
    config = platform.config
    scores = read_scores(scores_path(platform), config.evaluation)
    verdict = judge(
        scores[evaluated["candidate"]],
        {name: scores[name] for name in config.baselines if name in scores},
        None if champion is None else scores[champion],
        config.gate,
    )
    return {**verdict.to_json(), "text": verdict.to_text()}


def release(platform: Platform, bundle_id: str, verdict: Result) -> Result:
    """Promote the bundle when it passed; the champion goes on serving when it did not."""
    champion = platform.ledger.champion()
    serving = None if champion is None else champion.bundle_id
    if not verdict["passed"]:
        return {"action": "refused", "serving": serving}
    if serving == bundle_id:
        return {"action": "kept", "serving": serving, "release_id": champion.release_id if champion else None}
    # What cannot be read back, byte for byte, is not released.
    read_bundle(platform.workspace.models / bundle_id)
    passed = "; ".join(check["sentence"] for check in verdict["checks"])
    promoted = platform.ledger.promote(
        bundle_id, reason=f"It passed the gate. {passed}", gate=verdict, approved_by=_APPROVED_BY, expected=serving
    )
    return {"action": "promoted", "serving": bundle_id, "release_id": promoted.release_id, "previous": serving}


def track(platform: Platform, evaluated: Result, trained: Result, released: Result, tags: Result) -> Result:
    """Record every recipe that was tried in the experiment tracker, and mark the one that serves."""
    tracking = Tracking(TrackingConfig(folder=platform.workspace.experiments, experiment=platform.workspace.dataset))
    recipes = {recipe.name: recipe for recipe in platform.config.recipes}
    runs = {}
    for name, metrics in evaluated["models"].items():
        recipe = recipes.get(name)
        is_candidate = name == evaluated["candidate"]
        runs[name] = tracking.record(
            Run(
                name=name,
                params=recipe.params | {"model": recipe.model} if recipe else {},
                metrics={metric: value["estimate"] for metric, value in metrics.items()},
                tags=tags,
                bundle=platform.workspace.models / trained["bundle_id"] if is_candidate else None,
            )
        )
    if released["action"] == "promoted":
        tracking.mark_champion(runs[evaluated["candidate"]], release_id=released["release_id"])
    return {"runs": runs, "experiment": platform.workspace.dataset}


def bundle_is_whole(platform: Platform, bundle_id: str) -> bool:
    """Return whether the bundle is there and every byte of it is what it was."""
    try:
        read_bundle(platform.workspace.models / bundle_id)
    except BundleError:
        return False
    return True


def scores_path(platform: Platform) -> Path:
    """Return where the evaluation keeps the scores of each user."""
    return platform.workspace.reports / "evaluation-scores.parquet"
