"""What operators do with roll-outs, by whichever door they come: see them live, begin a canary, move what goes on."""

from pathlib import Path
from typing import Any

from movie_mlops.release import read_bundle
from movie_mlops.release.rollout import Rollout, Step
from movie_mlops.serving.services import Services


def live(services: Services) -> list[dict[str, Any]]:
    """Return what goes on, with what is known of it now, where somebody sees to it."""
    if services.conductor is not None:
        return services.conductor.live()
    return [rollout.to_json() for rollout in services.rollouts.standing().rollouts]


def begin_canary(services: Services, bundle: Path, *, reason: str, approved_by: str) -> Rollout:
    """Begin a canary by the settings of this server; when it returns, this server answers by it.

    Raises:
        BundleError: The bundle is not whole, or nobody who is trusted signed it.
        RolloutError: There can be none.
    """
    read_bundle(bundle, trust=services.trust)
    begun = services.rollouts.begin_canary(
        bundle.name,
        services.config.rollout.canary,
        reason=reason,
        approved_by=approved_by,
        gate={"passed": None, "text": "The gate was not asked."},
    )
    services.watcher.refresh()
    return begun


def move(
    services: Services, name: str, action: str, *, expected: int | None, reason: str, approved_by: str
) -> Rollout | None:
    """Write a move into the ledger and follow it; return what goes on then.

    Raises:
        RolloutError: That cannot be done with it.
    """
    if action == Step.PROMOTE:
        services.rollouts.promote(name, expected=expected, reason=reason, approved_by=approved_by)
    else:
        services.rollouts.move(name, Step(action), expected=expected, reason=reason, approved_by=approved_by)
    services.watcher.refresh()
    return services.rollouts.standing().named(name)
