"""What was decided of a bundle: the verdict on disk, that in the ledger, or a new one."""

import json
from difflib import get_close_matches
from typing import Any

from movie_mlops.flows import gate as gating
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.evaluate import name_of_champion, outcome_is_there
from movie_mlops.flows.features import training_feedback
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.release import recipe_of, rival
from movie_mlops.flows.steps import Result, previous
from movie_mlops.release import BundleError, WaiverError, read_manifest


def known_verdict(platform: Platform, bundle_id: str | None) -> Result | None:
    """Return the last verdict of a bundle, or of whichever was judged last; ``None`` where there is none."""
    path = platform.workspace.reports / gating.JSON_NAME
    try:
        last: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        last = {}
    except (OSError, ValueError) as error:
        raise FlowError(
            f"The verdict in {path} cannot be read.", next_step="Judge again: movie-mlops release gate --again"
        ) from error
    if last and bundle_id in {None, last.get("bundle_id")}:
        return last
    released = (release for release in reversed(platform.ledger.history()) if release.bundle_id == bundle_id)
    return next((dict(release.gate) for release in released if release.gate.get("checks")), None)


def to_waive(platform: Platform, bundle_id: str | None, check: str) -> str | None:
    """Return the bundle whose check can be waived, by default the one that was judged last; ``None``: none was judged.

    Raises:
        WaiverError: The verdict of the bundle has no such check, or one that nobody may waive.
    """
    found = known_verdict(platform, bundle_id)
    if found is None:
        return bundle_id
    checks = {one["name"]: one["waivable"] for one in found["checks"]}
    if check not in checks:
        near = get_close_matches(check, checks, n=1)
        raise WaiverError(
            f"There is no check {check!r} in the verdict of {found['bundle_id']}.",
            next_step=f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(checks)}.",
        )
    if not checks[check]:
        raise WaiverError(f"Nobody may waive {check!r}.", next_step="Look at why it failed: movie-mlops release gate")
    return str(found["bundle_id"])


def judge_again(platform: Platform, bundle_id: str | None) -> Result:
    """Judge a bundle anew, by default the one that was trained last; nothing is written.

    Raises:
        FlowError: What it would be judged by is not there.
    """
    ingested, evaluated, trained = (previous(platform.database, name) for name in ("ingest", "evaluate", "train"))
    if ingested is None or evaluated is None or not outcome_is_there(platform.workspace, evaluated):
        raise _missing("The last evaluation is not there")
    bundle_id = bundle_id or (trained or {}).get("bundle_id")
    if bundle_id is None:
        raise _missing("No bundle was trained yet")
    name = _evaluated_as(platform, bundle_id, evaluated)
    opponent, note = recipe_of(platform, rival(platform, bundle_id))
    champion = None if opponent is None else name_of_champion(platform.config, opponent)
    case = gating.Case(
        bundle_id, evaluated, ingested, name, champion if champion in evaluated["models"] else None, note
    )
    verdict = gating.judge_case(platform, case, lambda: training_feedback(platform, ingested))
    return gating.document_of(verdict, note)


def _evaluated_as(platform: Platform, bundle_id: str, evaluated: Result) -> str:
    try:
        manifest = read_manifest(platform.workspace.models / bundle_id)
    except BundleError:
        # Its verdict is that it cannot be trusted; what it was called is the candidate's matter.
        return str(evaluated["candidate"])
    name = str(manifest.facts.get("recipe"))
    if name not in evaluated["models"]:
        raise _missing(f"{bundle_id} was made by the recipe {name!r}, which the last evaluation did not try")
    return name


def _missing(problem: str) -> FlowError:
    return FlowError(f"{problem}, so that nothing can be judged.", next_step="Run 'movie-mlops run' first.")
