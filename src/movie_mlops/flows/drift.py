"""Whether what comes in is what the champion was trained on: the window a bundle remembers, and the one of now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl
from sqlalchemy import ColumnElement, and_, or_, select

from movie_mlops.core import clock
from movie_mlops.core.columns import EVENT_TIME, INGESTED_AT, KIND, MOVIE_ID, SOURCE, USER_ID, VALUE
from movie_mlops.core.contract import CLOCK_SKEW
from movie_mlops.flows.errors import NothingReleasedError
from movie_mlops.flows.features import known_movies, known_users
from movie_mlops.flows.ingest import in_lake
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.windows import (
    Window,
    answers_groups,
    groups_of,
    popularity,
    timed,
    window_after,
)
from movie_mlops.lake import INTERACTIONS, SCHEMAS
from movie_mlops.monitoring import note
from movie_mlops.monitoring.declared import DRIFT_FEATURES, DRIFT_ROWS, DRIFT_VERDICT
from movie_mlops.monitoring.drift import (
    DriftConfig,
    Group,
    NoReferenceError,
    Reference,
    Verdict,
    judge,
    together,
    write_report,
)
from movie_mlops.release import read_bundle
from movie_mlops.serving import IMPRESSIONS

_PAGE: Final = 10_000
_TRAIN_AGAIN: Final = "Train again, so that the new bundle keeps one: movie-mlops run"


@dataclass(frozen=True)
class Asked:
    """Which window is looked at.

    Attributes:
        days: Its last days; ``None`` for as many as the reference had.
        rows: So many of its newest rows at most; ``None`` for all.
        answers: The first answers of the release, so many, are what its later ones are compared with, as many at most.
    """

    days: float | None = None
    rows: int | None = None
    answers: int = 1_000

    @property
    def whole(self) -> bool:
        """Whether it is the window that everybody goes by, and not a part of it."""
        return self.days is None and self.rows is None


@dataclass(frozen=True)
class Compared:
    """What came of comparing.

    Attributes:
        bundle_id: Whose training data it was compared with.
        verdict: The verdict.
        window: What people did lately; ``None`` where nothing since the training data.
        facts: What was compared with what, by heading.
        report: The HTML report.
        groups: What was compared of the window.
    """

    bundle_id: str
    verdict: Verdict
    window: Window | None
    facts: Mapping[str, Mapping[str, Any]]
    report: Path
    groups: Sequence[Group]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "bundle_id": self.bundle_id,
            **self.verdict.to_json(),
            "facts": {heading: dict(section) for heading, section in self.facts.items()},
            "report": str(self.report),
        }


def drift(platform: Platform, *, asked: Asked, config: DriftConfig, report: Path | None, command: str) -> Compared:
    """Compare what came in lately with what the champion was trained on, and write the report.

    The readings are noted of the whole window only: a look at a part of it would take back an alarm that stands.

    Args:
        platform: The stores.
        asked: Which window.
        config: What counts as drift.
        report: Where the report goes; ``None`` for its place among the data set's reports.
        command: The command line that asked.

    Raises:
        NothingReleasedError: Nothing serves.
        NoReferenceError: What serves keeps no reference.
        BundleError: What serves is not what was written.
    """
    bundle_id, reference = reference_of(platform)
    config_feedback = platform.config.feedback
    interactions = known_by_now(platform)
    began, ended = (clock.from_unix(at / 1e6) for at in (reference.began, reference.ended))
    days = reference.days if asked.days is None else asked.days
    until = clock.now() + CLOCK_SKEW
    window = window_after(interactions, ended, until=until, days=days, rows=asked.rows)
    popular, movies = popularity(interactions, began), known_movies(platform.lake)
    groups: list[Group] = []
    if window is not None:
        groups = groups_of(
            window,
            interactions,
            movies=movies,
            users=known_users(platform.lake),
            popular=popular,
            config=config_feedback,
        )
    first, later = _answers(platform, bundle_id, asked.answers)
    said = timed(interactions).filter(pl.col(USER_ID).is_in(_users_of(first, later))).collect()
    before, now = (
        answers_groups(each, said, movies=movies, popular=popular, config=config_feedback) for each in (first, later)
    )
    whole = together(reference, Reference.of(before, days=reference.days))
    verdict = judge(whole, [*groups, *now], days=None if window is None else window.days, config=config)
    late = timed(interactions).select((pl.col("when") > until).sum()).collect().item()
    facts = _facts(bundle_id, reference, window, answers=(first, later), late=late, config=config)
    path = report or platform.workspace.reports / "drift.html"
    write_report(path, verdict, facts=facts, command=command)
    if asked.whole:
        _note(platform, verdict, window)
    return Compared(bundle_id, verdict, window, facts, path, groups)


def reference_of(platform: Platform) -> tuple[str, Reference]:
    """Return what serves, and what its training data looked like.

    Raises:
        NothingReleasedError: Nothing serves.
        NoReferenceError: What serves keeps no reference.
        BundleError: What serves is not what was written.
        DriftError: Its reference cannot be read.
    """
    champion = platform.ledger.champion()
    if champion is None:
        raise NothingReleasedError(
            f"Nothing of {platform.workspace.dataset} is released yet.", next_step="Run 'movie-mlops run' first."
        )
    kept = read_bundle(platform.workspace.models / champion.bundle_id, trust=platform.keys.trust).reference
    if kept is None:
        raise NoReferenceError(
            f"{champion.bundle_id} does not say what its training data looked like: it was made before bundles did.",
            next_step=_TRAIN_AGAIN,
        )
    return champion.bundle_id, Reference.from_bytes(kept)


def known_by_now(platform: Platform) -> pl.LazyFrame:
    """Return what people did: the lake's rows, and the events that it has not got yet."""
    wanted = [USER_ID, MOVIE_ID, KIND, VALUE, EVENT_TIME, INGESTED_AT, SOURCE]
    schema = {name: dtype for name, dtype in SCHEMAS[INTERACTIONS].items() if name in wanted}
    rows, offset = [], in_lake(platform)
    while page := platform.events.read(offset, _PAGE):
        offset = page[-1].offset
        rows += [
            {
                **{name: getattr(event.interaction, name) for name in wanted if name not in {KIND, INGESTED_AT}},
                KIND: event.interaction.kind.value,
                INGESTED_AT: event.recorded_at,
            }
            for event in page
        ]
    lake = platform.lake.scan(INTERACTIONS).select(list(schema))
    return pl.concat([lake, pl.DataFrame(rows, schema=schema).lazy()]) if rows else lake


def _answers(platform: Platform, bundle_id: str, many: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the first answers of a bundle, and the newest of those after them; a row for each place."""
    releases = [each.release_id for each in platform.ledger.history() if each.bundle_id == bundle_id]
    its: ColumnElement[bool] = or_(
        IMPRESSIONS.c.bundle_id == bundle_id,
        and_(IMPRESSIONS.c.bundle_id.is_(None), IMPRESSIONS.c.release_id.in_(releases)),
    )
    columns = [IMPRESSIONS.c[name] for name in ("recommendation_id", "user_id", "at", "source", "items")]
    first = select(*columns).where(its).order_by(IMPRESSIONS.c.at, IMPRESSIONS.c.recommendation_id).limit(many)
    newest = select(*columns).where(its).order_by(IMPRESSIONS.c.at.desc(), IMPRESSIONS.c.recommendation_id.desc())
    with platform.database.read() as connection:
        early = [tuple(row) for row in connection.execute(first)]
        seen = {row[0] for row in early}
        late = [tuple(row) for row in connection.execute(newest.limit(many)) if row[0] not in seen]
    return _places(early), _places(late[::-1])


def _places(rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "answer": pl.String,
        USER_ID: pl.String,
        "at": pl.Datetime("us", "UTC"),
        "source": pl.String,
        "place": pl.Int64,
        MOVIE_ID: pl.Int64,
        "score": pl.Float64,
    }
    found = []
    for name, user_id, at, source, items in rows:
        places = [(place, *pair) for place, pair in enumerate(orjson.loads(items), start=1)]
        when = datetime.fromisoformat(at)
        found += [(name, user_id, when, source, *place) for place in places or [(None, None, None)]]
    return pl.DataFrame(found, schema=schema, orient="row")


def _users_of(*answers: pl.DataFrame) -> list[str]:
    return pl.concat(answers)[USER_ID].drop_nulls().unique().sort().to_list()


def _facts(
    bundle_id: str,
    reference: Reference,
    window: Window | None,
    *,
    answers: tuple[pl.DataFrame, pl.DataFrame],
    late: int,
    config: DriftConfig,
) -> dict[str, dict[str, Any]]:
    first, later = (each["answer"].n_unique() for each in answers)
    now: dict[str, Any] = {"rows": 0}
    if window is not None:
        now = {
            "rows": window.rows.height,
            "users": window.rows[USER_ID].n_unique(),
            "from": clock.to_iso(window.began),
            "to": clock.to_iso(window.ended),
            "days": round(window.days, 3),
        }
    if late:
        now["rows with a clock that is ahead, left out"] = late
    return {
        "Training": {
            "bundle": bundle_id,
            "from": clock.to_iso(clock.from_unix(reference.began / 1e6)),
            "to": clock.to_iso(clock.from_unix(reference.ended / 1e6)),
            "days": reference.days,
        },
        "Live": now,
        "Answers": {"first of this release": first, "newest after them": later},
        "What counts": {
            "smallest effect that matters": config.smallest,
            "smallest share that matters": config.smallest_share,
            "false discoveries, at most": config.rate,
            "users needed on either side": config.least,
        },
    }


def _note(platform: Platform, verdict: Verdict, window: Window | None) -> None:
    """Note the readings; where nothing could be judged, the last verdict stays, and its age tells how old it is."""
    note(platform.database, DRIFT_ROWS.name, 0 if window is None else window.rows.height)
    if verdict.judged:
        note(platform.database, DRIFT_FEATURES.name, verdict.features)
        note(platform.database, DRIFT_VERDICT.name, float(verdict.outcome == "drift"))
