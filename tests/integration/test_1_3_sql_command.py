"""``movie-mlops lake sql`` as a process of its own: the answer, and not a word besides."""

import subprocess
import sys
from pathlib import Path

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.nouns import Workspace
from movie_mlops.lake import MOVIES, SCHEMAS, Lake, LakeConfig


def test_it_ends_without_a_word_of_the_database(tmp_path: Path) -> None:
    """DuckDB looks at its end for what is left of it, and would tell of that at length."""
    lake = Lake(LakeConfig(Workspace(tmp_path, "tiny").lakes).of("tiny"))
    film = {c.MOVIE_ID: 1, c.TITLE: "Metropolis", c.YEAR: 1927, c.GENRES: ["Drama"]}
    lake.append(MOVIES, pl.DataFrame([film], schema=SCHEMAS[MOVIES]))
    words = ["lake", "sql", "select title from movies", "--json", "--home", str(tmp_path), "--dataset", "tiny"]
    done = subprocess.run([sys.executable, "-m", "movie_mlops", *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"Metropolis"' in done.stdout
