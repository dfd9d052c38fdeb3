"""Loads into real Delta tables that end half-way: random schedules, and processes that are killed."""

import random
import time
from pathlib import Path

import polars as pl

from movie_mlops.ingest import IngestConfig, SourceOptions, load, open_source
from movie_mlops.lake import SCHEMAS, Lake, LakeConfig
from tests.fixtures.stage_1.schedules import FILMS, Schedule
from tests.fixtures.stage_3.processes import python

SCHEDULES = 12
KILLS = 5
USERS, FILMS_EACH = 400, 40
SMALL = IngestConfig(chunk_bytes=8192)
LOAD = """
import sys
from pathlib import Path
from movie_mlops.ingest import IngestConfig, load, open_source
from movie_mlops.lake import Lake, LakeConfig
print("up", flush=True)
source = open_source("file:" + sys.argv[1], downloads=Path())
load(source, Lake(LakeConfig(Path(sys.argv[2]))), config=IngestConfig(chunk_bytes=8192))
"""


def test_schedules_on_real_tables_lose_nothing(tmp_path: Path) -> None:
    """Promise P1: the same random schedules on Delta tables leave exactly the rows that happened."""
    for seed in range(10_000, 10_000 + SCHEDULES):
        lake = Lake(LakeConfig(tmp_path / str(seed)))
        lake.append("movies", _films())
        schedule = Schedule(seed)
        schedule.run(lake)
        schedule.check(lake)


def test_a_load_that_is_killed_leaves_whole_commits_and_the_next_one_completes_it(tmp_path: Path) -> None:
    """Promise P1: after SIGKILL at any moment the lake can be read, and loading again leaves every row once."""
    path = tmp_path / "shop.csv"
    chance = random.Random(1)
    rows = [f"{user},{film},4,{1_700_000_000 + film}" for user in range(USERS) for film in range(FILMS_EACH)]
    bad = [f"{user},x,4,1700000000" for user in range(0, USERS, 10)]
    path.write_text("\n".join(["user,film,rating,timestamp", *rows, *bad]) + "\n")
    seen = 0
    for _ in range(KILLS):
        process = python(LOAD, str(path), str(tmp_path / "lake"))
        process.stdout.readline()
        time.sleep(chance.uniform(0.1, 1.2))
        process.kill()
        process.communicate()
        lake = Lake(LakeConfig(tmp_path / "lake"))
        for table in lake.tables():
            assert lake.scan(table.name).collect().height == table.rows
        held = lake.scan("interactions").collect() if lake.version("interactions") is not None else pl.DataFrame()
        assert held.height >= seen
        assert held.is_empty() or held["event_id"].is_unique().all()
        seen = held.height
    report = load(open_source(f"file:{path}", downloads=tmp_path, options=SourceOptions()), lake, config=SMALL)
    assert (report.rows_read, report.rows_quarantined) == (len(rows) + len(bad), len(bad))
    held = lake.scan("interactions").select("user_id", "movie_id").collect()
    assert sorted(held.rows()) == sorted((str(user), film) for user in range(USERS) for film in range(FILMS_EACH))
    assert lake.scan("quarantine").collect().height == len(bad)
    assert report.rows_new == held.height - seen


def _films() -> pl.DataFrame:
    rows = pl.DataFrame({"movie_id": FILMS, "title": [f"Film {film}" for film in FILMS]})
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in SCHEMAS["movies"].items()
    )
