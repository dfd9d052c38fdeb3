"""Ways of bringing a CSV file into a table, each run as a process of its own: seconds and rows are printed as JSON."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_MEMORY: Final = "2GB"


def ours(source: Path, target: Path, *, pseudonyms: bool = False, described: bool = False, seal: bool = False) -> int:
    """Load through the contract into the lake, asking of everybody whether they may come in; return its rows."""
    from movie_mlops.ingest import (  # noqa: PLC0415 - what a contender does not use is not loaded
        IngestConfig,
        SourceOptions,
        load,
        open_people,
        open_source,
    )
    from movie_mlops.lake import Lake, LakeConfig  # noqa: PLC0415
    from movie_mlops.security.envelope import RowSeals, read_master_keys  # noqa: PLC0415
    from movie_mlops.state import Database, StateConfig  # noqa: PLC0415

    database = Database(StateConfig(f"sqlite:///{target / 'state.db'}"))
    seals = RowSeals(lambda: database, lambda: read_master_keys(target / "keys", None, None))
    lake = Lake(LakeConfig(root=target / "lake"), seals if seal else None)
    config = IngestConfig(pseudonyms=pseudonyms)
    people = open_people(lake, database, target / "keys", "bench", config)
    name, options = f"movielens:{source}", SourceOptions()
    if described:
        # Of the layouts of MovieLens only an old one tells of users: the same files, by their names.
        name = f"file:{source / 'ratings.csv'}"
        options = SourceOptions(movies=source / "movies.csv", users=source / "users.csv", dataset="bench")
    report = load(open_source(name, downloads=target, options=options), lake, config=config, people=people)
    database.close()
    assert report.rows_good + report.rows_quarantined == report.rows_read
    return report.rows_new


def disguised(source: Path, target: Path) -> int:
    """The same, with pseudonyms in the place of users' ids."""
    return ours(source, target, pseudonyms=True)


def described(source: Path, target: Path) -> int:
    """The same as ours, with what is known of each user, in the clear."""
    return ours(source, target, described=True)


def sealed(source: Path, target: Path) -> int:
    """The same, with what is known of each user sealed by a key of theirs."""
    return ours(source, target, described=True, seal=True)


def polars_streamed(source: Path, target: Path) -> int:
    """Copy to Delta without a look, piece by piece; the rows are counted afterwards."""
    import polars as pl  # noqa: PLC0415

    pl.scan_csv(source / "ratings.csv").sink_delta(str(target / "copy"))
    return -1


def polars_whole(source: Path, target: Path) -> int:
    """Copy to Delta without a look, all in memory."""
    import polars as pl  # noqa: PLC0415

    frame = pl.read_csv(source / "ratings.csv")
    frame.write_delta(str(target / "copy"))
    return frame.height


def duckdb_parquet(source: Path, target: Path) -> int:
    """Copy to one Parquet file."""
    import duckdb  # noqa: PLC0415

    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        query = f"COPY (FROM read_csv('{source / 'ratings.csv'}')) TO '{target / 'copy.parquet'}' (FORMAT parquet)"
        rows = connection.execute(query).fetchone()
    assert rows is not None
    return int(rows[0])


def pandas_parquet(source: Path, target: Path) -> int:
    """Copy to one Parquet file, all in memory."""
    import pandas as pd  # noqa: PLC0415

    frame = pd.read_csv(source / "ratings.csv")
    frame.to_parquet(target / "copy.parquet")
    return len(frame)


CONTENDERS: Final[Mapping[str, Callable[[Path, Path], int]]] = {
    "movie-mlops": ours,
    "movie-mlops-pseudonyms": disguised,
    "movie-mlops-described": described,
    "movie-mlops-sealed": sealed,
    "polars-streamed": polars_streamed,
    "polars-whole": polars_whole,
    "duckdb-parquet": duckdb_parquet,
    "pandas-parquet": pandas_parquet,
}
"""Name to what it does with the folder of the source and an empty folder; -1 where it does not know the rows."""


def main(name: str, source: str, target: str) -> None:
    """Run one contender and print what it took, once its libraries are loaded."""
    try:
        for library in _LIBRARIES[name]:
            __import__(library)
    except ModuleNotFoundError as error:
        print(json.dumps({"skipped": f"{error.name} is not installed"}))  # noqa: T201 - the parent reads it
        return
    begun, worked = time.perf_counter(), time.process_time()
    rows = CONTENDERS[name](Path(source), Path(target))
    told = {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - worked,
        "rows": rows,
    }
    print(json.dumps(told))  # noqa: T201 - the parent reads it


_LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = {
    "movie-mlops": ("movie_mlops.ingest", "movie_mlops.lake"),
    "movie-mlops-pseudonyms": ("movie_mlops.ingest", "movie_mlops.lake"),
    "movie-mlops-described": ("movie_mlops.ingest", "movie_mlops.lake"),
    "movie-mlops-sealed": ("movie_mlops.ingest", "movie_mlops.lake"),
    "polars-streamed": ("polars", "deltalake"),
    "polars-whole": ("polars", "deltalake"),
    "duckdb-parquet": ("duckdb",),
    "pandas-parquet": ("pandas", "pyarrow"),
}


if __name__ == "__main__":
    main(*sys.argv[1:])
