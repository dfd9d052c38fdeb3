"""Steps 6 and 7: the release, the record of the experiments."""

from dataclasses import dataclass

from movie_mlops.flows.config import Recipe
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.steps import Result
from movie_mlops.release import (
    Action,
    BundleError,
    Release,
    Run,
    Tracking,
    TrackingConfig,
    Verdict,
    read_bundle,
    read_manifest,
    told,
)
from movie_mlops.release.rollout import CanaryConfig, CanaryPlan, Rollouts

_APPROVED_BY = "gate"


@dataclass(frozen=True)
class Careful:
    """How a release begins that nobody asked for: with a few of the users, seen to until it ends.

    Attributes:
        config: How the canary goes.
        reason: Why there is a new model, in words.
        approved_by: Who lets it begin.
        update: Whether what serves is brought up to date, instead of every recipe tried and the best one trained anew.
    """

    config: CanaryConfig
    reason: str
    approved_by: str
    update: bool = False


def recipe_of(platform: Platform, release: Release | None) -> tuple[Recipe | None, str | None]:
    """Return how what was released was made, or why nobody can tell; neither where there is no release."""
    if release is None:
        return None, None
    try:
        manifest = read_manifest(platform.workspace.models / release.bundle_id)
    except BundleError as error:
        # A champion that is lost must not stop the run that replaces it.
        return None, f"What serves could not be compared. {error.problem}"
    return Recipe(name="champion", model=manifest.model, params=dict(manifest.params)), None


def rival(platform: Platform, bundle_id: str) -> Release | None:
    """Return what the bundle has to stand up to: the champion, or what that one replaced where the bundle is it."""
    champion = platform.ledger.champion()
    if champion is None or champion.bundle_id != bundle_id or champion.action is not Action.PROMOTE:
        return champion
    before = (r for r in platform.ledger.history() if r.release_id == champion.previous_release_id)
    return next(before, None)


def serving(platform: Platform) -> str | None:
    """Return the bundle that serves now."""
    champion = platform.ledger.champion()
    return None if champion is None else champion.bundle_id


def release(platform: Platform, bundle_id: str, verdict: Result, careful: Careful | None = None) -> Result:
    """Promote the bundle when it passed; the champion goes on when it did not, or when somebody rolled it back.

    Args:
        platform: The stores.
        bundle_id: The candidate.
        verdict: The gate's.
        careful: How its canary goes, which promotes it where nothing becomes worse; ``None`` gives it to everybody.
    """
    champion = platform.ledger.champion()
    present = None if champion is None else champion.bundle_id
    if not verdict["passed"]:
        return {"action": "refused", "serving": present}
    if champion is not None and present == bundle_id:
        return {"action": "kept", "serving": present, "release_id": champion.release_id}
    withdrawn = platform.ledger.withdrawn(bundle_id)
    if withdrawn is not None:
        # A person's decision stands until there is another bundle, or a person's other decision.
        why = f"{withdrawn.approved_by} rolled it back: {withdrawn.reason}"
        return {"action": "withheld", "serving": present, "bundle_id": bundle_id, "why": why}
    taken = Rollouts(platform.database).withdrawn(bundle_id)
    promoted_since = any(
        each.bundle_id == bundle_id and taken and each.at > taken.at for each in platform.ledger.history()
    )
    if taken is not None and not promoted_since:
        why = f"{taken.approved_by} took its canary back: {taken.reason}"
        return {"action": "withheld", "serving": present, "bundle_id": bundle_id, "why": why}
    # What cannot be read back, byte for byte, is not released.
    read_bundle(platform.workspace.models / bundle_id, trust=platform.keys.trust)
    if careful is not None and champion is not None:
        return _roll_out(platform, bundle_id, verdict, careful, champion)
    promoted = platform.ledger.promote(
        bundle_id, reason=_reason(verdict), gate=verdict, approved_by=_APPROVED_BY, expected=present
    )
    return {"action": "promoted", "serving": bundle_id, "release_id": promoted.release_id, "previous": present}


def _roll_out(platform: Platform, bundle_id: str, verdict: Result, careful: Careful, champion: Release) -> Result:
    """Begin the candidate's canary; where it has begun already, that one goes on."""
    rollouts, present = Rollouts(platform.database), champion.bundle_id
    going = rollouts.standing().canary
    if going is not None and going.release_id == champion.release_id:
        assert isinstance(going.plan, CanaryPlan)
        if going.plan.bundle_id != bundle_id:
            return {
                "action": "withheld",
                "serving": present,
                "bundle_id": bundle_id,
                "why": f"the canary of {going.plan.bundle_id}, '{going.name}', goes on",
            }
    else:
        going = rollouts.begin_canary(
            bundle_id,
            careful.config,
            reason=f"{careful.reason} {_reason(verdict)}",
            approved_by=careful.approved_by,
            # The promotion carries it, and with it why there is a new model at all.
            gate={**verdict, "proposed": careful.reason},
        )
    return {"action": "canary", "serving": present, "bundle_id": bundle_id, "canary": going.name}


def _reason(verdict: Result) -> str:
    """Return why it may serve: what it is better than, what was waived, and that there was more."""
    judged = Verdict.from_json(verdict)
    heart = [check.sentence for check in judged.checks if check.low is not None and not check.parts]
    others = sum(check.word == "pass" for check in judged.checks) - sum(
        check.word == "pass" and check.sentence in heart for check in judged.checks
    )
    rest = f"It passed {others} other checks." if others else ""
    return " ".join(["It passed the gate.", *heart, *(told(check) for check in judged.waived), rest]).strip()


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


def mirror(platform: Platform) -> None:
    """Show every bundle, its version and its aliases in the experiment tracker."""
    tracking = Tracking(TrackingConfig(folder=platform.workspace.experiments, experiment=platform.workspace.dataset))
    tracking.mirror(platform.registry.all(), platform.aliases.all(), platform.workspace.models)


def bundle_is_whole(platform: Platform, bundle_id: str) -> bool:
    """Return whether the bundle is there, every byte of it is what it was, and somebody who is trusted signed it."""
    try:
        read_bundle(platform.workspace.models / bundle_id, trust=platform.keys.trust)
    except BundleError:
        return False
    return True
