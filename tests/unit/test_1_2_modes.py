"""What becomes of a file that is not as the contract declares it: a table of cases."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
import yaml

from movie_mlops.core import clock
from movie_mlops.core.errors import ConfigurationError
from movie_mlops.ingest import (
    CONTRACTS,
    ColumnModes,
    ContractError,
    IngestConfig,
    Mode,
    Severity,
    SourceOptions,
    TableModes,
    describe,
    load,
    open_source,
    validate,
)
from movie_mlops.lake import Lake, LakeConfig
from movie_mlops.settings import read_contracts
from tests.conftest import REPOSITORY

NOW = datetime(2026, 3, 2, tzinfo=UTC)
AT = 1_700_000_000
ROWS = {"user": ["a", "b"], "item": [1, 2], "rating": [4.0, 5.0], "ts": [AT, AT]}
FROZEN = "frozen"
GOOD = [("a", 1, 4.0), ("b", 2, 5.0)]


@pytest.fixture(autouse=True)
def _monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LakeConfig(tmp_path / "lake"))


def source(folder: Path, frame: pl.DataFrame, *, text: bool = False):
    path = folder / ("mine.csv" if text else "mine.parquet")
    frame.write_csv(path) if text else frame.write_parquet(path)
    return open_source(f"file:{path}", downloads=folder, options=SourceOptions())


def outcome(lake: Lake, given, modes: TableModes):
    """The rows that went in, the reasons of the others, what is kept beside, the warnings; or ``frozen``."""
    try:
        report = load(given, lake, config=IngestConfig(interactions=modes))
    except ContractError:
        assert lake.tables() == []
        return FROZEN
    assert report.rows_good + report.rows_quarantined == report.rows_read
    rows = lake.scan("interactions").sort("user_id").select("user_id", "movie_id", "value").collect().rows()
    refused = lake.scan("quarantine").filter(pl.col("table") == "interactions").sort("line").collect()
    extras = lake.scan("extras").sort("key").collect()["extras"].to_list() if lake.version("extras") is not None else []
    return rows, refused["reason"].to_list(), extras, report.warnings


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.EVOLVE, (GOOD, [], ['{"shop":"x"}'], {})),
        (Mode.FREEZE, FROZEN),
        (Mode.DISCARD_ROW, ([("b", 2, 5.0)], ["new-column"], [], {})),
        (Mode.DISCARD_VALUE, (GOOD, [], [], {})),
    ],
)
@pytest.mark.parametrize("text", [True, False])
def test_a_new_column(lake: Lake, tmp_path: Path, mode: Mode, expected, text: bool) -> None:
    """Promise P3: a column that the contract does not know is kept beside, refuses all, its rows, or is left out."""
    given = source(tmp_path, pl.DataFrame({**ROWS, "shop": ["x", None]}), text=text)
    assert outcome(lake, given, TableModes(new_column=mode)) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.EVOLVE, (GOOD, [], [], {})),
        (Mode.FREEZE, FROZEN),
        (Mode.DISCARD_ROW, ([], ["missing-column", "missing-column"], [], {})),
        (Mode.DISCARD_VALUE, (GOOD, [], [], {})),
    ],
)
@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("whole_table", [True, False])
def test_a_missing_column(lake: Lake, tmp_path: Path, mode: Mode, expected, *, text: bool, whole_table: bool) -> None:
    """Promise P3: rows without an optional column go in without it, refuse all, or are refused; for one, or all."""
    frame = pl.DataFrame({**ROWS, "kind": ["rating"] * 2}).drop("ts")
    modes = TableModes(missing_column=mode)
    if not whole_table:
        modes = TableModes(columns={"event_time": ColumnModes(missing_column=mode)})
    assert outcome(lake, source(tmp_path, frame, text=text), modes) == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.EVOLVE, ([], ["bad-value", "bad-value"], [], {})),
        (Mode.FREEZE, FROZEN),
        (Mode.DISCARD_ROW, ([], ["changed-type", "changed-type"], [], {})),
        (Mode.DISCARD_VALUE, ([("a", 1, None), ("b", 2, None)], [], [], {})),
    ],
)
def test_a_changed_type(lake: Lake, tmp_path: Path, mode: Mode, expected) -> None:
    """Promise P3: truth values are no ratings: never 1.0 and 0.0 in silence, but refused, or left out, as chosen."""
    frame = pl.DataFrame({**ROWS, "rating": [True, False], "kind": ["like"] * 2})
    assert (
        outcome(lake, source(tmp_path, frame), TableModes(columns={"value": ColumnModes(changed_type=mode)}))
        == expected
    )


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Mode.EVOLVE, ([("a", 1, 4.0), ("b", 2, 5.0)], [], ['{"event_time":"soon"}'], {"discarded-event_time": 1})),
        (Mode.FREEZE, FROZEN),
        (Mode.DISCARD_ROW, ([("a", 1, 4.0)], ["bad-time"], [], {})),
        (Mode.DISCARD_VALUE, (GOOD, [], [], {"discarded-event_time": 1})),
    ],
)
@pytest.mark.parametrize("text", [True, False])
def test_a_value_that_does_not_fit(lake: Lake, tmp_path: Path, mode: Mode, expected, text: bool) -> None:
    """Promise P3: a value that cannot be read is kept beside its row, refuses all, or its row, or is left out."""
    given = source(tmp_path, pl.DataFrame({**ROWS, "ts": [str(AT), "soon"]}), text=text)
    assert outcome(lake, given, TableModes(unfit_value=mode)) == expected


def test_a_value_that_a_row_cannot_do_without_is_never_left_out(lake: Lake, tmp_path: Path) -> None:
    """Promise P3: leaving out an unreadable film or rating leaves a row without one, and that is refused."""
    frame = pl.DataFrame({**ROWS, "item": ["1", "x"], "rating": ["good", "5"]})
    given = source(tmp_path, frame, text=True)
    assert outcome(lake, given, TableModes(unfit_value=Mode.DISCARD_VALUE))[:2] == (
        [],
        ["missing-value", "missing-film"],
    )


@pytest.mark.parametrize(
    ("column", "values", "read"),
    [
        ("ts", [datetime(2023, 11, 14, tzinfo=UTC)] * 2, True),
        ("ts", [date(2023, 11, 14)] * 2, True),
        ("ts", [float(AT)] * 2, True),
        ("item", [1.0, 2.0], True),
        ("user", [7, 8], True),
        ("user", [True, False], False),
        ("item", [date(2023, 11, 14)] * 2, False),
        ("rating", [date(2023, 11, 14)] * 2, False),
        ("ts", [[1], [2]], False),
        ("user", [b"a", b"b"], False),
        ("rating", [{"stars": 4}, {"stars": 5}], False),
    ],
)
def test_the_types_that_are_read(lake: Lake, tmp_path: Path, column: str, values: list, read: bool) -> None:
    """Promise P3: a type that the contract names is read, and any other is a change: nothing is converted silently."""
    given = source(tmp_path, pl.DataFrame({**ROWS, column: values}))
    result = outcome(lake, given, TableModes())
    assert (result != FROZEN) is read
    assert not read or len(result[0]) == 2


def test_films_follow_their_own_modes(lake: Lake, tmp_path: Path) -> None:
    """Promise P3: the table of films has modes of its own, and a frozen film stops the interactions too."""
    (tmp_path / "films.csv").write_text("movieId,title,year,studio\n1,Heat,soon,WB\n")
    (tmp_path / "mine.csv").write_text("user,item\na,1\n")

    def given():
        options = SourceOptions(movies=tmp_path / "films.csv")
        return open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path, options=options)

    for modes in (TableModes(new_column=Mode.FREEZE), TableModes(unfit_value=Mode.FREEZE)):
        with pytest.raises(ContractError):
            load(given(), lake, config=IngestConfig(movies=modes))
        assert lake.tables() == []
    modes = TableModes(new_column=Mode.EVOLVE, unfit_value=Mode.EVOLVE)
    report = load(given(), lake, config=IngestConfig(movies=modes))
    assert (report.movies, report.rows_good) == (1, 1)
    assert lake.scan("extras").select("table", "key", "extras").collect().rows() == [
        ("movies", "1", '{"studio":"WB","year":"soon"}')
    ]


@pytest.mark.parametrize("severity", list(Severity))
def test_a_mere_warning_is_counted_and_let_pass(lake: Lake, tmp_path: Path, severity: Severity) -> None:
    """A check that is a mere warning lets its row in and is counted; as an error it refuses the row."""
    given = source(tmp_path, pl.DataFrame({**ROWS, "rating": [4.0, 9.0]}), text=True)
    rows, refused, _, warnings = outcome(lake, given, TableModes(severities={"value-out-of-range": severity}))
    let_pass = severity is Severity.WARNING
    assert (len(rows), len(refused), warnings) == ((2, 0, {"value-out-of-range": 1}) if let_pass else (1, 1, {}))


def test_validate_says_what_a_load_does_and_writes_nothing(lake: Lake, tmp_path: Path) -> None:
    """What is foretold is what then happens, also for rows that come twice; nothing is written before."""
    rows = ["user,item,rating,ts,shop", *(f"u{n % 40},{n},4,{AT + n},s" for n in range(400)), "u1,1,4,1700000001,s"]
    rows += ["a,1,9,1700000000,s", "a,x,4,1700000000,s", "u1,1,5,1700000001,s"]
    (tmp_path / "mine.csv").write_text("\n".join(rows) + "\n")
    config = IngestConfig(chunk_bytes=500)
    given = open_source(f"file:{tmp_path / 'mine.csv'}", downloads=tmp_path)
    told = validate(given, lake, config=config)
    assert lake.tables() == []
    report = load(given, lake, config=config)
    rows_told = told["interactions"]
    assert (rows_told.read, rows_told.good, rows_told.new) == (report.rows_read, report.rows_good, report.rows_new)
    assert rows_told.reasons == report.reasons == {"bad-movie-id": 1, "duplicate": 2, "value-out-of-range": 1}
    assert told["movies"].good == report.movies
    assert "the contract has no column shop: discard-value" in rows_told.changes
    again = validate(given, lake, config=config)["interactions"]
    assert (again.good, again.new) == (report.rows_good, 0)
    frozen = validate(given, lake, config=IngestConfig(interactions=TableModes(new_column=Mode.FREEZE)))
    assert "nothing was written" in str(frozen["interactions"].refusal)


def test_the_shipped_contracts_show_every_default() -> None:
    """``config/contracts.yaml`` is complete and says what the code does without it."""
    path = REPOSITORY / "config" / "contracts.yaml"
    written, default = yaml.safe_load(path.read_text()), IngestConfig()
    read = read_contracts(path)
    for name, contract in CONTRACTS.items():
        assert contract.severities(read) == contract.severities(default) == dict(getattr(read, name).severities)
        modes = {**vars(getattr(read, name)), "severities": {}}
        assert modes == vars(getattr(default, name))
        assert set(written[name]) == set(modes)
    limits = {key: value for key, value in vars(read).items() if key not in CONTRACTS}
    assert limits == {key: value for key, value in vars(default).items() if key not in CONTRACTS}
    assert set(written) == set(vars(default))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ratng_min: 1", "Did you mean 'rating_min'?"),
        ("interactions: {new_colum: freeze}", "Did you mean 'new_column'?"),
        ("interactions: {new_column: melt}", "interactions.new_column"),
        ("interactions: {columns: {valu: {unfit_value: freeze}}}", "Did you mean 'value'?"),
        ("interactions: {severities: {unknown-movie: warning}}", "Did you mean 'unknown-film'?"),
        ("interactions: {severities: {missing-user: warning}}", "severities.missing-user"),
        ("movies: {severities: {year-out-of-rage: warning}}", "Did you mean 'year-out-of-range'?"),
    ],
)
def test_a_contract_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    """A misspelt setting, mode, column or reason is named, with the nearest right one."""
    path = tmp_path / "contracts.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_contracts(path)
    assert told in str(refused.value)


def test_the_document_shows_the_contracts_as_they_are() -> None:
    """The tables of the document are those of the code."""
    text = (REPOSITORY / "docs" / "01-data-pipeline" / "1.2-contracts-implementation.md").read_text()
    for contract in CONTRACTS.values():
        for row in describe(contract):
            assert "| " + " | ".join(row.values()) + " |" in text, row["column"]
