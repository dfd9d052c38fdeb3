"""The feature catalogue's page, from the definitions, the lake and the online store."""

from datetime import timedelta
from pathlib import Path

from movie_mlops.core import clock
from movie_mlops.features import VIEWS, FeatureView, last_parity
from movie_mlops.features.catalogue import Fresh, Table, write_catalogue_page
from movie_mlops.flows.platform import Platform

_AGES = (
    "SELECT count(*), sum(CASE WHEN written_at < ? THEN 1 ELSE 0 END), min(written_at), max(written_at)"
    " FROM online_rows WHERE view = ?"
)


def write_catalogue(platform: Platform, *, command: str) -> Path:
    """Write the page of the data set's features, and return its file.

    Args:
        platform: The stores.
        command: The command line that makes the same page again.
    """
    path = platform.workspace.reports / "features.html"
    write_catalogue_page(
        path,
        VIEWS,
        dataset=platform.workspace.dataset,
        tables={view.name: table for view in VIEWS if (table := _table(platform, view)) is not None},
        served={view.name: fresh(platform, view) for view in VIEWS},
        parity=last_parity(platform.database),
        command=command,
        made_at=clock.now(),
    )
    return path


def _table(platform: Platform, view: FeatureView) -> Table | None:
    version = platform.lake.version(view.name)
    if version is None:
        return None
    notes = [commit.note for commit in platform.lake.history(view.name) if commit.version == version]
    made_of = dict(notes[0]) if notes else {}
    return Table(version, platform.lake.scan(view.name, version=version).collect(), made_of)


def fresh(platform: Platform, view: FeatureView) -> Fresh:
    """Return how fresh the rows of a view are that are served."""
    now = clock.microseconds(clock.now())
    oldest = now - view.time_to_live // timedelta(microseconds=1)
    rows, stale, first, last = platform.database.fetch(_AGES, (oldest, view.name))[0]
    # The rows of another definition are not served, however young they are.
    if platform.features.origin() is None:
        stale = rows
    times = [None if time is None else clock.from_microseconds(time) for time in (first, last)]
    return Fresh(rows, stale or 0, *times)
