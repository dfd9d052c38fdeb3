"""What a load would do, without doing it."""

from dataclasses import dataclass, field

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.ingest.checking import Checked, check
from movie_mlops.ingest.config import IngestConfig, Mode
from movie_mlops.ingest.contract import Contract, Facts
from movie_mlops.ingest.contracts import CONTRACTS
from movie_mlops.ingest.errors import ContractError
from movie_mlops.ingest.known import Known
from movie_mlops.ingest.raw import RawTable
from movie_mlops.ingest.rules import freeze_unfit
from movie_mlops.ingest.schema_changes import changes_of
from movie_mlops.ingest.sources import Source
from movie_mlops.lake import INTERACTIONS, KEYS, MOVIES, SCHEMAS, USERS, Lake

_EXAMPLES = 3


@dataclass
class TableValidation:
    """What would become of the rows of one table.

    Attributes:
        read: Rows of the file.
        good: Rows that keep the contract.
        new: Good rows that the lake does not have.
        reasons: Why rows would be refused, and how many times each.
        warnings: What would be found and let pass.
        changes: Each difference between the file's columns and the contract, with what would become of it.
        examples: Some refused rows of each reason: ``line``, ``reason``, ``detail``, ``raw``.
        refusal: Why nothing at all would be written; ``None`` where something would.
    """

    read: int = 0
    good: int = 0
    new: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    examples: list[dict[str, object]] = field(default_factory=list)
    refusal: str | None = None

    def add(self, checked: Checked, new: int) -> None:
        """Count a piece."""
        self.read += checked.read
        self.good += checked.good.height
        self.new += new
        told = [f"{change.sentence}: {change.mode}" for change in checked.changes]
        self.changes += [sentence for sentence in told if sentence not in self.changes]
        for reason, count in checked.warnings.items():
            self.warnings[reason] = self.warnings.get(reason, 0) + count
        self.refuse(checked.bad)

    def refuse(self, bad: pl.DataFrame) -> None:
        """Count refused rows, and keep some to show."""
        for reason, count in bad[c.REASON].value_counts().sort(c.REASON).iter_rows():
            room = _EXAMPLES - min(self.reasons.get(reason, 0), _EXAMPLES)
            shown = bad.filter(pl.col(c.REASON) == reason).head(room)
            self.examples += shown.select(c.LINE, c.REASON, c.DETAIL, c.RAW).to_dicts()
            self.reasons[reason] = self.reasons.get(reason, 0) + count


def validate(
    source: Source, lake: Lake, *, config: IngestConfig | None = None, progress: Progress = SILENT
) -> dict[str, TableValidation]:
    """Return, by table, what a load of ``source`` would do to ``lake``; nothing is written.

    Raises:
        SourceError: The data cannot be had.
    """
    source.prepare(progress)
    config = config or IngestConfig()
    now = clock.now()
    facts = Facts(config, now)
    told = {}
    held = _held(lake, MOVIES)
    told[MOVIES], good = _keyed(source.movies(unknown=_keeps_new(config, MOVIES)), MOVIES, facts, source.dataset, held)
    people = source.users(unknown=_keeps_new(config, USERS))
    if people is not None:
        told[USERS], _ = _keyed(people, USERS, facts, source.dataset, _held(lake, USERS))
    all_films = pl.concat([held, good]).unique()[c.MOVIE_ID]
    told[INTERACTIONS] = _interactions(source, lake, config, Facts(config, now, all_films), progress)
    return told


def _keyed(
    raw: RawTable, table: str, facts: Facts, dataset: str, held: pl.DataFrame
) -> tuple[TableValidation, pl.DataFrame]:
    """Return what would become of films or users, and the keys of those that are good."""
    told, good = TableValidation(), held.clear()
    checked = _checked(raw, CONTRACTS[table], facts, dataset, told)
    if checked is not None:
        good = checked.good.select(held.columns)
        told.add(checked, good.join(held, on=held.columns, how="anti").height)
    return told, good


def _keeps_new(config: IngestConfig, table: str) -> bool:
    return CONTRACTS[table].modes(config).new_column is not Mode.DISCARD_VALUE


def _interactions(
    source: Source, lake: Lake, config: IngestConfig, facts: Facts, progress: Progress
) -> TableValidation:
    contract, told = CONTRACTS[INTERACTIONS], TableValidation()
    known = Known(lake, source.dataset, repeated=contract.repeated, writes=False)
    known.at(lake.version(INTERACTIONS))
    unknown = _keeps_new(config, INTERACTIONS)
    with progress.task(f"Looking at {source.dataset}", None, "rows") as advance:
        for raw in source.batches(config=config, unknown=unknown):
            own = Facts(config, facts.now, facts.films, raw.value_scale)
            checked = _checked(raw, contract, own, source.dataset, told)
            if checked is None:
                return told
            found = known.sort(checked.good, users=checked.users)
            known.remember(checked.good, users=checked.users)
            told.add(checked, found.new.height)
            repeated = found.repeated.with_columns(pl.lit("").alias(c.RAW))
            told.refuse(repeated)
            told.good -= repeated.height
            advance(raw.rows)
    return told


def _checked(raw: RawTable, contract: Contract, facts: Facts, dataset: str, told: TableValidation) -> Checked | None:
    """Return the checked rows; ``None``, with the reason in ``told``, where the whole load would be refused."""
    modes = contract.modes(facts.config)
    try:
        changes_of(raw, contract, modes)
        checked = check(raw, contract, facts, dataset=dataset)
        freeze_unfit(checked.bad, contract, modes)
    except ContractError as error:
        told.read += raw.rows
        told.refusal = str(error)
        return None
    return checked


def _held(lake: Lake, table: str) -> pl.DataFrame:
    """Return the keys of the films or users that the lake has."""
    [key] = KEYS[table]
    if lake.version(table) is None:
        return pl.DataFrame(schema={key: SCHEMAS[table][key]})
    return lake.scan(table).select(key).collect()
