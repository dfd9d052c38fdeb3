"""Which bundles may go, and their removal."""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from movie_mlops.core import clock
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.platform import Platform
from movie_mlops.release import Action, Release, list_bundles, retired_within
from movie_mlops.release.folders import UNFINISHED, only_writer
from movie_mlops.release.rollout import Rollouts

KEEP_DAYS: Final = 30.0
_CHAMPION: Final = "champion"
_ROLLED_OUT: Final = "rolled out"
_MOST_DAYS: Final = 36_500


@dataclass(frozen=True)
class Fate:
    """What becomes of one bundle.

    Attributes:
        bundle_id: Its id; the name of a file or folder that a killed writer left behind.
        label: Name and version, where it has one.
        bytes: Size of its files.
        kept: Why it must stay, in words; empty where it may go.
    """

    bundle_id: str
    label: str | None
    bytes: int
    kept: tuple[str, ...]


def fates(platform: Platform, *, keep_days: float = KEEP_DAYS) -> list[Fate]:
    """Return what would become of each bundle.

    What serves, is rolled out, has an alias, served in the last days, or would be brought back by a roll-back, stays.
    What was retired stays only while it serves.

    Args:
        platform: The stores.
        keep_days: A release that ended so many days ago, or less, may be wanted again.

    Raises:
        FlowError: The number of days cannot be used.
    """
    if not 0 <= keep_days <= _MOST_DAYS:
        raise FlowError(f"{keep_days:g} days cannot be kept.", next_step=f"Give --keep-days from 0 to {_MOST_DAYS:,}.")
    platform.registry.adopt()
    labels = {one.bundle_id: one.label for one in platform.registry.all()}
    needed = _needed(platform, keep_days)
    models = platform.workspace.models
    return [
        Fate(bundle_id, labels.get(bundle_id), _bytes(models / bundle_id), tuple(needed.get(bundle_id, ())))
        for bundle_id in list_bundles(models)
    ]


def left_behind(platform: Platform) -> list[Fate]:
    """Return what killed writers left in the folder of the bundles."""
    found = sorted(platform.workspace.models.glob(f"{UNFINISHED}*"))
    return [Fate(path.name, None, _bytes(path), ()) for path in found]


def retired(platform: Platform) -> set[str]:
    """Return the bundles that never serve again."""
    with platform.database.read() as connection:
        return set(retired_within(connection))


def collect(
    platform: Platform, *, keep_days: float = KEEP_DAYS, by: str, only: Collection[str] | None = None
) -> list[Fate]:
    """Remove the bundles that may go, and what killed writers left; return what went.

    A bundle loses its name in one step, so that nobody ever finds half of one. What it said of itself stays in the
    registry, and its version is not given again.
    """
    models = platform.workspace.models
    gone = left_behind(platform)
    for fate in fates(platform, keep_days=keep_days):
        if fate.kept or (only is not None and fate.bundle_id not in only):
            continue
        with only_writer(models):
            aside = models / f"{UNFINISHED}{fate.bundle_id}"
            (models / fate.bundle_id).rename(aside)
            if fate.bundle_id in _needed(platform, keep_days):
                # Somebody released or named it in this very moment.
                aside.rename(models / fate.bundle_id)
                continue
            platform.registry.note(
                fate.bundle_id, "removed", by=by, reason=f"Not needed; releases of {keep_days:g} days were kept."
            )
            shutil.rmtree(aside)
        gone.append(fate)
    if gone:
        # Entering clears away what was left behind, also where no bundle went.
        with only_writer(models):
            pass
    return gone


def _needed(platform: Platform, keep_days: float) -> dict[str, list[str]]:
    needed = _wanted(platform, keep_days)
    # What was retired stays for as long as it serves, and for nothing else.
    for bundle_id in retired(platform):
        words = [word for word in needed.pop(bundle_id, ()) if word == _CHAMPION or word.startswith(_ROLLED_OUT)]
        if words:
            needed[bundle_id] = words
    return needed


def _wanted(platform: Platform, keep_days: float) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {}
    for (_, alias), bundle_id in sorted(platform.aliases.all().items()):
        needed.setdefault(bundle_id, []).append(alias if alias == _CHAMPION else f"alias {alias}")
    history = platform.ledger.history()
    if history and _CHAMPION not in needed.get(history[-1].bundle_id, ()):
        needed.setdefault(history[-1].bundle_id, []).append(_CHAMPION)
    restored = _restored(history)
    if restored is not None:
        needed.setdefault(restored, []).append("what a roll-back brings back")
    for rollout in Rollouts(platform.database).standing().rollouts:
        for bundle_id in dict.fromkeys(rollout.plan.bundles):
            needed.setdefault(bundle_id, []).append(f"{_ROLLED_OUT} as '{rollout.name}'")
    since = clock.now() - timedelta(days=keep_days)
    for bundle_id in dict.fromkeys(r.bundle_id for r in history[:-1] if r.until is not None and r.until >= since):
        needed.setdefault(bundle_id, []).append(f"served within {keep_days:g} days")
    return needed


def _restored(history: Sequence[Release]) -> str | None:
    """Return the bundle that the next roll-back brings back."""
    steps: list[str] = []
    for release in history:
        if release.action is Action.PROMOTE:
            steps.append(release.bundle_id)
        else:
            steps = steps[:-1]
    return steps[-2] if len(steps) > 1 else None


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files)
