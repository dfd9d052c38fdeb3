"""What the rules of the triggers go by, measured over the stores of a data set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import polars as pl

from movie_mlops.core.columns import INGESTED_AT, MOVIE_ID
from movie_mlops.events.triggers import LoopRun, Measured
from movie_mlops.flows.drift import Asked, drift
from movie_mlops.flows.online_quality import online_quality
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, LakeError
from movie_mlops.monitoring.drift import DriftConfig, NoReferenceError
from movie_mlops.monitoring.quality import QualityConfig, State, worth_less
from movie_mlops.release import BundleError, Release, read_bundle, read_manifest

_DAY: Final = timedelta(days=1)
_UNREADABLE: Final = "What the champion learned from cannot be told: {}"


@dataclass(frozen=True)
class Learned:
    """What the champion learned from.

    Attributes:
        rows: How many interactions the lake had then.
        newest: When the newest of them came in; ``None`` where there was none.
    """

    rows: int
    newest: datetime | None


class Watched:
    """Measures one time what the rules go by.

    Args:
        platform: The stores.
        champion: What serves.
        runs: The runs before, the newest first.
        now: The time.
        drifts: What counts as drift.
        quality: What online quality is held to.
        least_new: With fewer new interactions drift is not looked at.
    """

    def __init__(
        self,
        platform: Platform,
        champion: Release,
        runs: Sequence[LoopRun],
        *,
        now: datetime,
        drifts: DriftConfig,
        quality: QualityConfig,
        least_new: int,
    ) -> None:
        self._platform = platform
        self._champion = champion
        self._runs = runs
        self._now = now
        self._drifts = drifts
        self._quality = quality
        self._least_new = least_new
        self._how: Mapping[str, Callable[[], Measured]] = {
            "quality": self._of_quality,
            "drift": self._of_drift,
            "films": self._of_films,
            "volume": self._of_volume,
            "age": self._of_age,
        }

    def measure(self, name: str) -> Measured:
        """Return what a rule goes by.

        Raises:
            LakeError: The lake cannot be read.
            StateError: The database refuses.
        """
        return self._how[name]()

    @cached_property
    def rows(self) -> int:
        """How many interactions the lake has; a worker brings those in that wait, before long."""
        found: int = self._platform.lake.scan(INTERACTIONS).select(pl.len()).collect().item()
        return found

    @cached_property
    def new(self) -> int:
        """How many interactions neither the champion nor the last model that was tried has learned from."""
        known = self._learned
        tried = [run.rows for run in self._runs[:1] if run.champion == self._champion.bundle_id]
        return new_rows(self.rows, max([0 if known is None else known.rows, *tried]))

    @cached_property
    def _learned(self) -> Learned | None:
        """Return what the champion learned from; ``None`` where that cannot be told."""
        try:
            facts: Mapping[str, Any] = read_manifest(self._platform.workspace.models / self._champion.bundle_id).facts
            version = facts.get("lake_versions", {}).get(INTERACTIONS)
            if version is None:
                self._why = "its manifest does not say."
                return None
            read = self._platform.lake.scan(INTERACTIONS, version=version)
            rows, newest = read.select(pl.len(), pl.col(INGESTED_AT).max()).collect().row(0)
        except (BundleError, LakeError) as error:
            self._why = error.problem
            return None
        return Learned(rows, newest)

    def _of_volume(self) -> Measured:
        known = self._learned
        if known is None:
            return Measured(None, _UNREADABLE.format(self._why))
        share = self.new / max(1, known.rows)
        return Measured(share, f"{self.new:,} interactions are new, {share:.1%} of the {known.rows:,} learned from.")

    def _of_films(self) -> Measured:
        known = self._learned
        if known is None:
            return Measured(None, _UNREADABLE.format(self._why))
        since = self._platform.lake.scan(INTERACTIONS).select(MOVIE_ID, INGESTED_AT)
        if known.newest is not None:
            since = since.filter(pl.col(INGESTED_AT) > known.newest)
        films = since.select(MOVIE_ID).collect()[MOVIE_ID]
        if len(films) < self._least_new:
            sentence = f"Only {len(films):,} interactions came in since; {self._least_new:,} are needed."
            return Measured(None, sentence, soon=True)
        path = self._platform.workspace.models / self._champion.bundle_id
        try:
            bundle = read_bundle(path, trust=self._platform.keys.trust)
        except BundleError as error:
            return Measured(None, _UNREADABLE.format(error.problem))
        strange = films.filter(~films.is_in(bundle.movie_ids.tolist()))
        share = len(strange) / len(films)
        found = f"{share:.1%} of {len(films):,} new interactions are with {strange.n_unique():,} films"
        return Measured(share, f"{found} that it does not know.")

    def _of_drift(self) -> Measured:
        if self.new < self._least_new:
            sentence = f"Only {self.new:,} interactions are new; {self._least_new:,} are needed."
            return Measured(None, sentence, soon=True)
        command = f"movie-mlops triggers check --dataset {self._platform.workspace.dataset}"
        try:
            found = drift(self._platform, asked=Asked(), config=self._drifts, report=None, command=command).verdict
        except (NoReferenceError, BundleError) as error:
            return Measured(None, error.problem)
        return Measured(float(found.features) if found.judged else None, found.sentence)

    def _of_quality(self) -> Measured:
        found = online_quality(self._platform, self._quality, now=self._now)
        below = worth_less(found.checks)
        told = [check for check in found.checks if check.state is not State.UNKNOWN]
        if not found.final or not told:
            return Measured(None, "No answer is final yet, so that nobody can tell what they were worth.")
        sentence = next(
            (c.sentence for c in told if c.state is State.BELOW), "The answers are worth what was promised."
        )
        return Measured(float(below), sentence if below else "The answers are worth what was promised.")

    def _of_age(self) -> Measured:
        days = (self._now - self._champion.at) / _DAY
        return Measured(days, f"It serves for {days:,.1f} days.")


def new_rows(rows: int, learned: int) -> int:
    """Return how many interactions are new; none where some went, as in an erasure."""
    return max(0, rows - learned)
