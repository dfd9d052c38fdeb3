"""Feast behind our port: its own offline join, its own materialising, its own online reads."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import polars as pl

from movie_mlops.core import clock
from movie_mlops.features.backends import Arrived, Capability, prefix_of
from movie_mlops.features.config import FeedbackConfig
from movie_mlops.features.definitions import FeatureView, Views
from movie_mlops.features.feast.changes import EVENT_TIMESTAMP, drifts, exportable
from movie_mlops.features.feast.config import FeastConfig
from movie_mlops.features.feast.errors import FeastError
from movie_mlops.features.feast.process import FeastProcess
from movie_mlops.features.feast.repository import Repository, read_repository, write_repository
from movie_mlops.features.online import Cut, Row
from movie_mlops.features.online.rows import Condition, Key
from movie_mlops.features.point_in_time import AT, features_at
from movie_mlops.lake import INTERACTIONS, SCHEMAS

_PLACE: Final = "__place"
_NOTHING: Final = pl.LazyFrame(schema=SCHEMAS[INTERACTIONS])


class FeastBackend:
    """A Feast repository, behind :class:`~movie_mlops.features.backends.FeatureBackend`.

    Args:
        folder: The repository; made where it is not there.
        views: Ours.
        config: What counts as liking.
        feast: Where Feast is.
    """

    name = "feast"
    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, folder: Path, views: Views, config: FeedbackConfig, feast: FeastConfig) -> None:
        self._folder = folder
        self._all = views
        self._views = exportable(views)
        self._config = config
        self._feast = feast
        self._process = FeastProcess(folder, feast)
        self._repository: Repository | None = read_repository(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End Feast's process."""
        self._process.close()

    def take(self, cut: Cut) -> None:
        """Write the feature rows and apply the definitions; see :meth:`FeatureBackend.take`.

        Raises:
            FeastError: The lake holds nothing, or Feast refuses.
        """
        self._repository = write_repository(self._folder, cut, self._all, self._config, self._feast.repository)
        self._process.ask(do="apply")

    def historical(self, references: Sequence[str], rows: pl.DataFrame, *, arrived: Arrived) -> pl.DataFrame:
        """Join by Feast; see :meth:`FeatureBackend.historical`.

        Raises:
            FeastError: What had arrived by a row's time is asked for: Feast joins by the time of the event.
        """
        if arrived == "row":
            raise FeastError(
                "Feast joins by when something happened: a row would see corrections that arrived after it.",
                next_step="Ask the own backend, or say that everything had arrived with arrived='cut'.",
            )
        return self.joined(references, rows)

    def joined(self, references: Sequence[str], rows: pl.DataFrame, *, only_created: bool = False) -> pl.DataFrame:
        """Return what Feast's join gives, whatever had arrived.

        Args:
            references: Views or features.
            rows: The entities' keys and ``at``; other columns are kept.
            only_created: Feast's switch ``filter_by_created_timestamp``.

        Returns:
            ``rows``, in their order, with the features beside them.

        Raises:
            FeastError: Something is asked for that the repository cannot have, or Feast refuses.
        """
        self._taken()
        views = self._select(references)
        keys = list(dict.fromkeys(key for view in views for key in view.entity.key_names))
        if missing := [name for name in (*keys, AT) if name not in rows.columns]:
            raise FeastError(
                f"The rows have no {', '.join(missing)}.",
                next_step=f"Give rows with the columns {', '.join((*keys, AT))}.",
            )
        asked = rows.select(*keys, pl.col(AT).cast(pl.Datetime("us", "UTC")).alias(EVENT_TIMESTAMP))
        with tempfile.TemporaryDirectory(prefix="movie-mlops-feast-") as folder:
            given, to = Path(folder, "rows.parquet"), Path(folder, "found.parquet")
            asked.with_row_index(_PLACE).write_parquet(given)
            features = [f"{view.name}:{name}" for view in views for name in view.names]
            self._process.ask(
                do="historical", features=features, rows=str(given), to=str(to), only_created=only_created
            )
            found = pl.read_parquet(to).sort(_PLACE)
        return rows.hstack([column for view in views for column in _columns(view, found, self._config)])

    def materialise(self) -> None:
        """Materialise by Feast; see :meth:`FeatureBackend.materialise`."""
        self._process.ask(do="materialise", until=self._taken().at.isoformat())
        self._repository = self._taken().materialised(clock.now())

    def read_many(self, reference: str, keys: Sequence[Key]) -> list[Row]:
        """Read by Feast; see :meth:`FeatureBackend.read_many`. It knows no time-to-live: ours is kept here."""
        [view] = self._select([reference])
        whole, repository = self._views[view.name], self._taken()
        asked = [_key(view, key) for key in keys]
        written_at = repository.materialised_at
        if written_at is None:
            return [Row(view.name, key, view.names, None, "unknown") for key in keys]
        condition: Condition = "fresh"
        if repository.manifest["views"][view.name]["digest"] != whole.digest():
            condition = "outdated"
        elif clock.now() - written_at > view.time_to_live:
            condition = "stale"
        # All of them are read: the counts among them are null only where there is no row.
        features = [f"{view.name}:{name}" for name in whole.names]
        found = self._process.ask(do="read", features=features, keys=asked)["rows"]
        at, written = clock.microseconds(repository.at), clock.microseconds(written_at)
        rows = []
        for key, values in zip(keys, found, strict=True):
            if values is None:
                rows.append(Row(view.name, key, view.names, None, "unknown"))
            elif condition != "fresh":
                rows.append(Row(view.name, key, view.names, None, condition, None, written))
            else:
                row = dict(zip(whole.names, values, strict=True))
                served = tuple(_value(view, name, row) for name in view.names)
                rows.append(Row(view.name, key, view.names, served, condition, at, written))
        return rows

    def _select(self, references: Sequence[str]) -> tuple[FeatureView, ...]:
        """Return the views that references mean; a view alone means everything of it that Feast has."""
        for view in self._all.select(references):
            if len(view.entity.keys) > 1:
                raise FeastError(
                    f"Feast has no view {view.name!r}: it is about a {view.entity.name}, and has no table.",
                    next_step="Ask the own backend, which computes it where it is asked for.",
                )
        for reference in references:
            name, _, feature = reference.partition(":")
            if feature and drifts(self._all[name].feature(feature)):
                raise FeastError(
                    f"Feast has no feature {feature!r}: it changes with time alone, and a stored row would be wrong.",
                    next_step="Ask the own backend, which computes it as of any moment.",
                )
        return self._views.select(references)

    def _taken(self) -> Repository:
        if self._repository is None:
            raise FeastError("Feast has taken nothing from the lake yet.", next_step="Call take() first.")
        return self._repository


def _columns(view: FeatureView, found: pl.DataFrame, config: FeedbackConfig) -> list[pl.Series]:
    """Return Feast's columns as ours; where Feast has no row, what the view says of somebody whom nobody met."""
    prefix = prefix_of(view.name)
    nothing = _of_nobody(view, config)
    return [
        found[prefix + feature.name].cast(feature.dtype).fill_null(nothing[feature.name])
        if nothing[feature.name] is not None
        else found[prefix + feature.name].cast(feature.dtype)
        for feature in view.features
    ]


def _of_nobody(view: FeatureView, config: FeedbackConfig) -> Mapping[str, Any]:
    nobody = pl.DataFrame({name: ["" if dtype == pl.String() else 0] for name, dtype in view.entity.keys})
    rows = nobody.with_columns(pl.lit(clock.now()).dt.cast_time_unit("us").alias(AT))
    return features_at(view, rows, _NOTHING, config=config).row(0, named=True)


def _key(view: FeatureView, key: Key) -> dict[str, Any]:
    [(name, dtype)] = view.entity.keys
    if type(key) is not (str if dtype == pl.String() else int):
        raise FeastError(
            f"The view {view.name!r} is about a {view.entity.name}; {key!r} is none.", next_step=f"Give its {name}."
        )
    return {name: key}


def _value(view: FeatureView, name: str, row: Mapping[str, Any]) -> Any:
    value = row[name]
    if value is None or not view.feature(name).dtype.is_temporal():
        return value
    return clock.from_microseconds(value)
