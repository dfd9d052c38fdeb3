"""Training sets: named, versioned, and made again to the last byte from the versions of the lake.

A row is a word that somebody said about a film: what it turned out to be (``liked``, ``stars``), and every feature as
it was known just before it was said. The row itself is no part of its features.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import polars as pl
from pydantic import TypeAdapter

from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_TIME, KIND, MOVIE_ID, USER_ID, VALUE, WEIGHT
from movie_mlops.core.digests import digest, file_digest
from movie_mlops.core.nouns import Kind
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.engines import LOCAL, FeatureEngine
from movie_mlops.features.errors import FeatureError
from movie_mlops.features.feedback import latest_words
from movie_mlops.features.point_in_time import AT, Knowledge
from movie_mlops.features.views import VIEWS
from movie_mlops.lake import INTERACTIONS, MOVIES, Lake

_FORMAT: Final = 1
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_ROWS: Final = "rows.parquet"
_MANIFEST: Final = "manifest.json"
_JUST_BEFORE: Final = timedelta(microseconds=1)
_FEEDBACK: Final = TypeAdapter(FeedbackConfig)
_STATED: Final = ("features", "knowledge", "since", "until", "feedback", "views", "lake")


@dataclass(frozen=True)
class TrainingSetSpec:
    """What a training set is made of.

    Attributes:
        name: What it is called.
        features: Views, or single features, such as ``user_features`` or ``film_features:likes_30d``.
        knowledge: ``row``: a row knows what had arrived by its time. A time: what had arrived by then, for a history
            that was loaded later. ``None``: everything that the lake has.
        since: Only words said at this time or later.
        until: Only words said before this time.

    Raises:
        FeatureError: The name cannot be that of a folder, or a time has no zone.
    """

    name: str
    features: tuple[str, ...] = tuple(view.name for view in VIEWS)
    knowledge: Knowledge = "row"
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise FeatureError(
                f"A training set cannot be called {self.name!r}.",
                next_step="Use small letters, digits and dashes, such as 'daily-taste'.",
            )
        for moment in (self.knowledge, self.since, self.until):
            if isinstance(moment, datetime) and moment.tzinfo is None:
                raise FeatureError(
                    f"The time {moment.isoformat()} has no time zone.",
                    next_step="Give it with one, such as 2024-01-31T00:00:00Z.",
                )


@dataclass(frozen=True)
class TrainingSet:
    """A training set that was made.

    Attributes:
        folder: Where it lies.
        manifest: What it was made of: name, version, rows, sha256, features, knowledge, views, lake versions.
    """

    folder: Path
    manifest: Mapping[str, Any]

    def read(self) -> pl.DataFrame:
        """Return its rows.

        Raises:
            FeatureError: The file is not the one that was written.
        """
        path = self.folder / _ROWS
        if not path.exists() or file_digest(path) != self.manifest["sha256"]:
            raise FeatureError(
                f"The rows of training set {self.manifest['name']!r}, version {self.manifest['version']}, in {path} are"
                " not those that were written.",
                next_step=f"Delete {self.folder} and build it again; the manifest says from what.",
            )
        return pl.read_parquet(path)


class TrainingSets:
    """The training sets of one data set.

    Args:
        root: The folder where they lie.
        lake: What they are made from.
        engine: Who computes the features; whoever made it closes it.
    """

    def __init__(self, root: Path, lake: Lake, engine: FeatureEngine = LOCAL) -> None:
        self._root = root
        self._lake = lake
        self._engine = engine

    def build(
        self,
        spec: TrainingSetSpec,
        config: FeedbackConfig,
        *,
        versions: Mapping[str, int] | None = None,
        progress: Progress = SILENT,
    ) -> TrainingSet:
        """Make a training set; where the newest one of its name is of the very same, return that.

        Args:
            spec: What it is made of.
            config: What counts as liking.
            versions: Of the tables ``interactions`` and ``movies``; the newest of those not given.
            progress: Told of each view.

        Raises:
            UnknownFeatureError: A view or feature is not there.
            LakeError: A table or version is not there.
        """
        stated = self._stated(spec, config, dict(versions or {}))
        newest = max(self._versions(spec.name), default=0)
        if newest and all(self.get(spec.name, newest).manifest[key] == stated[key] for key in _STATED):
            return self.get(spec.name, newest)
        frame = self._rows(spec, config, stated["lake"], progress)
        return self._write(frame, {**stated, "format": _FORMAT, "name": spec.name, "version": newest + 1})

    def get(self, name: str, version: int | None = None) -> TrainingSet:
        """Return a training set, the newest version by default.

        Raises:
            FeatureError: There is none of this name or version.
        """
        known = self._versions(name)
        if not known:
            names = sorted({made.manifest["name"] for made in self})
            near = get_close_matches(name, names, n=1, cutoff=0.0)
            raise FeatureError(
                f"There is no training set {name!r}.",
                next_step=f"Did you mean {near[0]!r}?"
                if near
                else f"Build it: movie-mlops features build-training-set {name}",
            )
        wanted = known[-1] if version is None else version
        if wanted not in known:
            raise FeatureError(
                f"The training set {name!r} has versions {known[0]} to {known[-1]}; there is no version {wanted}.",
                next_step=f"Ask for version {known[-1]}.",
            )
        folder = self._root / name / str(wanted)
        return TrainingSet(folder, json.loads((folder / _MANIFEST).read_text(encoding="utf-8")))

    def __iter__(self) -> Iterator[TrainingSet]:
        """Yield every version of every training set, by name and version."""
        names = sorted(path.name for path in self._root.iterdir() if path.is_dir()) if self._root.is_dir() else []
        return iter([self.get(name, version) for name in names for version in self._versions(name)])

    def rebuild(self, made: TrainingSet, *, progress: Progress = SILENT) -> bool:
        """Make a training set again from what its manifest says, and return whether the rows are the same.

        Raises:
            FeatureError: Its rows cannot be read, or a view is not what it was.
        """
        manifest = made.manifest
        config = _FEEDBACK.validate_python(manifest["feedback"])
        spec = _spec(manifest)
        now = self._stated(spec, config, dict(manifest["lake"]))["views"]
        if changed := sorted(name for name, view in manifest["views"].items() if now[name] != view):
            raise FeatureError(
                f"The views {', '.join(changed)} are not what they were when {spec.name!r} was made.",
                next_step="Check out the code of that time, or build a new version.",
            )
        return self._rows(spec, config, manifest["lake"], progress).equals(made.read())

    def _versions(self, name: str) -> list[int]:
        folder = self._root / name
        is_one = bool(_NAME.fullmatch(name)) and folder.is_dir()
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit()) if is_one else []

    def _stated(self, spec: TrainingSetSpec, config: FeedbackConfig, versions: dict[str, int]) -> dict[str, Any]:
        """Return what the rows depend on, as plain data."""
        for table in (INTERACTIONS, MOVIES):
            if table not in versions:
                versions[table] = self._lake.delta(table).version()
        views = VIEWS.select(spec.features)
        return {
            "features": [f"{view.name}:{name}" for view in views for name in view.names],
            "knowledge": clock.to_iso(spec.knowledge) if isinstance(spec.knowledge, datetime) else spec.knowledge,
            "since": None if spec.since is None else clock.to_iso(spec.since),
            "until": None if spec.until is None else clock.to_iso(spec.until),
            "feedback": _FEEDBACK.dump_python(config, mode="json"),
            "views": {view.name: {"version": view.version, "digest": view.digest()} for view in views},
            "lake": {table: versions[table] for table in (INTERACTIONS, MOVIES)},
        }

    def _rows(
        self, spec: TrainingSetSpec, config: FeedbackConfig, versions: Mapping[str, int], progress: Progress
    ) -> pl.DataFrame:
        interactions = self._lake.scan(INTERACTIONS, version=versions[INTERACTIONS])
        rows = _labels(interactions, spec, config)
        views = VIEWS.select(spec.features)
        with progress.task(f"Building the training set {spec.name}", total=len(views), unit="views") as advance:
            for view in views:
                keys = rows.select(*view.entity.key_names, AT)
                found = self._engine.rows(view, keys, self._lake, versions, config=config, knowledge=spec.knowledge)
                rows = rows.hstack(found.select(pl.col(view.names).name.prefix(f"{view.name}__")))
                advance(1)
        return rows.drop(AT)

    def _write(self, frame: pl.DataFrame, manifest: dict[str, Any]) -> TrainingSet:
        folder = self._root / manifest["name"] / str(manifest["version"])
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            frame.write_parquet(temporary / _ROWS, compression="zstd", statistics=False)
            made = {**manifest, "rows": frame.height, "sha256": file_digest(temporary / _ROWS)}
            made |= {"spec": digest({key: made[key] for key in _STATED}), "built_at": clock.to_iso(clock.now())}
            text = json.dumps(made, ensure_ascii=False, indent=2) + "\n"
            (temporary / _MANIFEST).write_text(text, encoding="utf-8")
            for path in (temporary / _ROWS, temporary / _MANIFEST, temporary):
                _to_disk(path)
            temporary.chmod(0o755)
            temporary.rename(folder)
        except BaseException:
            rmtree(temporary, ignore_errors=True)
            raise
        return TrainingSet(folder, made)


def _labels(interactions: pl.LazyFrame, spec: TrainingSetSpec, config: FeedbackConfig) -> pl.DataFrame:
    """Return the rows: every dated word that counts, and the time just before it."""
    words = latest_words(interactions, config).filter(
        pl.col(EVENT_TIME).is_not_null(), pl.col(KIND) != Kind.WITHDRAW.value
    )
    if spec.since is not None:
        words = words.filter(pl.col(EVENT_TIME) >= spec.since)
    if spec.until is not None:
        words = words.filter(pl.col(EVENT_TIME) < spec.until)
    return words.sort(EVENT_TIME, USER_ID, MOVIE_ID).select(
        USER_ID,
        MOVIE_ID,
        EVENT_TIME,
        (pl.col(WEIGHT) > 0).alias("liked"),
        pl.when(pl.col(KIND) == Kind.RATING.value).then(pl.col(VALUE)).alias("stars"),
        (pl.col(EVENT_TIME) - _JUST_BEFORE).alias(AT),
    )


def _spec(manifest: Mapping[str, Any]) -> TrainingSetSpec:
    def moment(text: str | None) -> datetime | None:
        return None if text is None else datetime.fromisoformat(text)

    given = manifest["knowledge"]
    knowledge: Knowledge = given if given in {"row", None} else moment(given)
    return TrainingSetSpec(
        manifest["name"], tuple(manifest["features"]), knowledge, moment(manifest["since"]), moment(manifest["until"])
    )


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
