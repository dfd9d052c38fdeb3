"""A Feast repository: our definitions as Feast's, and the feature rows that they describe."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import Entity, Feature, FeatureView, Views
from movie_mlops.features.feast.changes import (
    CREATED_TIMESTAMP,
    EVENT_TIMESTAMP,
    changes,
    drifts,
    exportable,
    in_groups,
)
from movie_mlops.features.feast.config import RepositoryConfig
from movie_mlops.features.feast.errors import FeastError
from movie_mlops.features.online import Cut

_MANIFEST: Final = "movie_mlops.json"
_DATA: Final = "data"
_TYPES: Final = {pl.Int64(): "Int64", pl.Float64(): "Float64", pl.String(): "String", pl.Boolean(): "Bool"}
_KEYS: Final = {pl.Int64(): "INT64", pl.String(): "STRING"}


@dataclass(frozen=True)
class Repository:
    """A repository that was written.

    Attributes:
        folder: Where it is.
        manifest: ``at`` (the newest interaction, one without a time as of its arrival), ``arrived``, ``exported_at``,
            ``lake`` (table to version), ``views`` (name to ``digest``, ``rows``, ``left_out``), and perhaps
            ``materialised_at``.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        """The time of the newest interaction."""
        return datetime.fromisoformat(self.manifest["at"])

    @property
    def materialised_at(self) -> datetime | None:
        """When its rows were written online; ``None`` while they are not."""
        said = self.manifest.get("materialised_at")
        return None if said is None else datetime.fromisoformat(said)

    def materialised(self, moment: datetime) -> "Repository":
        """Write down when its rows were written online."""
        manifest = {**self.manifest, "materialised_at": clock.to_iso(moment)}
        _write(self.folder / _MANIFEST, json.dumps(manifest, indent=2) + "\n")
        return Repository(self.folder, manifest)


def read_repository(folder: Path) -> Repository | None:
    """Return the repository that was written into a folder; ``None`` where the folder is empty or not there.

    Raises:
        FeastError: The folder holds something else.
    """
    path = folder / _MANIFEST
    if path.is_file():
        return Repository(folder, json.loads(path.read_text(encoding="utf-8")))
    _must_be_empty(folder)
    return None


def export_repository(
    folder: Path,
    cut: Cut,
    views: Views,
    config: FeedbackConfig,
    layout: RepositoryConfig,
    *,
    progress: Progress = SILENT,
) -> Repository:
    """Write a Feast repository that ``feast apply`` takes as it is.

    Args:
        folder: Where to; absent or empty.
        cut: What the lake holds.
        views: Ours.
        config: What counts as liking.
        layout: How it is laid out.
        progress: Who listens.

    Returns:
        What was written.

    Raises:
        FeastError: The folder holds something, or the lake holds nothing.
    """
    _must_be_empty(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made = write_repository(temporary, cut, views, config, layout, progress=progress)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        rmtree(temporary, ignore_errors=True)
        raise
    return Repository(folder, made.manifest)


def write_repository(
    folder: Path,
    cut: Cut,
    views: Views,
    config: FeedbackConfig,
    layout: RepositoryConfig,
    *,
    progress: Progress = SILENT,
) -> Repository:
    """Write a repository, or write it again: each file is replaced whole, Feast's own files stay.

    Raises:
        FeastError: The lake holds nothing.
    """
    # What has no time happened, at the latest, when it arrived.
    newest = pl.coalesce(EVENT_TIME, INGESTED_AT).max()
    at, arrived = cut.interactions.select(newest, pl.col(INGESTED_AT).max()).collect().row(0)
    if arrived is None:
        raise FeastError("The lake holds no interaction.", next_step="Run 'movie-mlops run' first.")
    chosen = exportable(views)
    (folder / _DATA).mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {}
    with progress.task("Writing feature rows", total=len(list(chosen)), unit="views") as advance:
        for view in chosen:
            count = _write_rows(folder / _DATA / f"{view.name}.parquet", view, cut, config)
            left = [feature.name for feature in views[view.name].features if drifts(feature)]
            facts[view.name] = {"digest": view.digest(), "rows": count, "left_out": left}
            advance(1)
    manifest = {
        "at": clock.to_iso(at),
        "arrived": clock.to_iso(arrived),
        "exported_at": clock.to_iso(clock.now()),
        "lake": dict(cut.versions),
        "views": facts,
    }
    _write(folder / "feature_store.yaml", _store(layout))
    _write(folder / "features.py", _definitions(chosen, views))
    _write(folder / _MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return Repository(folder, manifest)


def _write_rows(path: Path, view: FeatureView, cut: Cut, config: FeedbackConfig) -> int:
    """Write the rows of a view as one file; return how many."""
    temporary = path.with_suffix(".new")
    count = 0
    with tempfile.TemporaryDirectory(prefix=".parts-", dir=path.parent) as parts:
        for number, part in enumerate(in_groups(view, cut)):
            frame = changes(view, part, config)
            frame.write_parquet(Path(parts, f"{number:06}.parquet"), compression="zstd")
            count += frame.height
        pl.scan_parquet(Path(parts, "*.parquet")).sink_parquet(temporary, compression="zstd")
    _take_place(temporary, path)
    return count


def _must_be_empty(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FeastError(f"{folder} is not an empty folder.", next_step="Name one that is empty or not there yet.")


def _store(layout: RepositoryConfig) -> str:
    online = ["type: sqlite", f"path: {_DATA}/online.db"]
    if layout.redis is not None:
        # Without skip_dedup, a correction of the newest row, which has the same time, would never be written.
        online = ["type: redis", f"connection_string: {json.dumps(layout.redis)}", "skip_dedup: true"]
    return "\n".join(
        [
            f"project: {layout.project}",
            "provider: local",
            f"registry: {_DATA}/registry.db",
            "offline_store:",
            f"  type: {layout.offline}",
            "online_store:",
            *(f"  {line}" for line in online),
            "entity_key_serialization_version: 3",
            "",
        ]
    )


def _definitions(chosen: Views, views: Views) -> str:
    entities = dict.fromkeys(view.entity for view in chosen)
    parts = [
        '"""Feature views of movie-mlops, written by \'movie-mlops features export-feast\'.',
        "",
        "Every view has ttl 0: Feast measures it from the event, and would forget what is old but still true. How long",
        "a served row may lie unrefreshed, counted from its materialising, is the tag time_to_live_seconds.",
        '"""',
        "",
        "from datetime import timedelta",
        "",
        "from feast import Entity, FeatureView, Field, FileSource, ValueType",
        "from feast.types import Bool, Float64, Int64, String",
        "",
        *(_entity(entity) for entity in entities),
    ]
    for view in chosen:
        left = [feature.name for feature in views[view.name].features if drifts(feature)]
        parts += ["", *_view(view, left)]
    return "\n".join(parts) + "\n"


def _entity(entity: Entity) -> str:
    [(key, dtype)] = entity.keys
    return f"{entity.name} = Entity(name={entity.name!r}, join_keys=[{key!r}], value_type=ValueType.{_KEYS[dtype]})"


def _view(view: FeatureView, left: list[str]) -> list[str]:
    [(key, dtype)] = view.entity.keys
    tags = {
        "version": str(view.version),
        "digest": view.digest(),
        "time_to_live_seconds": str(int(view.time_to_live.total_seconds())),
    }
    noted = [f"# Not here, for they change with time alone: {', '.join(left)}."] if left else []
    return [
        f"{view.name}_source = FileSource(",
        f"    name={view.name + '_source'!r},",
        f"    path={f'{_DATA}/{view.name}.parquet'!r},",
        f"    timestamp_field={EVENT_TIMESTAMP!r},",
        f"    created_timestamp_column={CREATED_TIMESTAMP!r},",
        ")",
        *noted,
        f"{view.name} = FeatureView(",
        f"    name={view.name!r},",
        f"    entities=[{view.entity.name}],",
        "    ttl=timedelta(0),",
        "    schema=[",
        f"        Field(name={key!r}, dtype={_TYPES[dtype]}),",
        *(f"        {_field(feature)}," for feature in view.features),
        "    ],",
        f"    source={view.name}_source,",
        "    online=True,",
        f"    description={view.description!r},",
        f"    owner={view.owner!r},",
        f"    tags={tags!r},",
        ")",
    ]


def _field(feature: Feature) -> str:
    said = feature.description
    if feature.dtype.is_temporal():
        said += " In microseconds since 1970, UTC."
    tags = {"made_of": feature.aggregation.name}
    dtype = "Int64" if feature.dtype.is_temporal() else _TYPES[feature.dtype]
    return f"Field(name={feature.name!r}, dtype={dtype}, description={said!r}, tags={tags!r})"


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    _take_place(temporary, path)


def _take_place(temporary: Path, path: Path) -> None:
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(path)
