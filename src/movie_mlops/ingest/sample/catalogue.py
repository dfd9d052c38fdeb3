"""The catalogue of the sample: real films, true facts."""

from importlib.resources import as_file, files

import polars as pl

from movie_mlops.core import columns as c
from movie_mlops.core.digests import file_digest

CATALOGUE = "catalogue.csv"


def read_films() -> pl.DataFrame:
    """Return the films, ordered by year and title.

    Returns:
        One row per film: ``movie_id`` (Int64, from 1), ``title``, ``year`` (Int32), ``genres`` and ``directors`` (lists
        of text; genres in MovieLens' words), ``language`` (ISO 639-1 code of the original language).
    """
    content = files(__package__).joinpath(CATALOGUE).read_bytes()
    text = pl.read_csv(content, infer_schema=False)
    return text.select(
        pl.col(c.MOVIE_ID).cast(pl.Int64),
        c.TITLE,
        pl.col(c.YEAR).cast(pl.Int32),
        pl.col(c.GENRES).str.split("|"),
        pl.col(c.DIRECTORS).str.split("|"),
        c.LANGUAGE,
    )


def catalogue_digest() -> str:
    """Return the SHA-256 of the catalogue's file."""
    with as_file(files(__package__).joinpath(CATALOGUE)) as path:
        return file_digest(path)
