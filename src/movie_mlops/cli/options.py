"""Options that several commands share, and what they open."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path | None,
    typer.Option("--home", help="The folder of all state (default: MOVIE_MLOPS_HOME, else this folder)."),
]
Dataset = Annotated[
    str | None, typer.Option("--dataset", help="Which data set (default: the one of the last 'movie-mlops run').")
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log-file", help="Log to this file, a file for each process (default: MOVIE_MLOPS_LOG_FILE)."),
]


class LogForm(StrEnum):
    """How lines are logged."""

    JSON = "json"
    TEXT = "text"


LogFormat = Annotated[
    LogForm | None,
    typer.Option("--log-format", help="How (default: json); without a file, to the standard error stream."),
]


class EngineName(StrEnum):
    """Who does heavy work."""

    LOCAL = "local"
    SPARK = "spark"


Engine = Annotated[
    EngineName | None,
    typer.Option("--engine", help="Who does the heavy work (default: MOVIE_MLOPS_ENGINE, else local)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
SourceName = Annotated[
    str,
    typer.Option(
        "--source",
        help="sample; movielens:<release, folder or zip>; file:<CSV or Parquet>; or a name from config/sources.yaml.",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="OURS=THEIRS", help="For file: sources, our name for a column of the file."),
]
Movies = Annotated[Path | None, typer.Option("--movies", help="For file: sources, a second file with the films.")]
MovieColumns = Annotated[
    list[str] | None, typer.Option("--movie-column", metavar="OURS=THEIRS", help="The same, for the file of films.")
]
Users = Annotated[
    Path | None, typer.Option("--users", help="For file: sources, a file with gender, age, occupation of the users.")
]
UserColumns = Annotated[
    list[str] | None, typer.Option("--user-column", metavar="OURS=THEIRS", help="The same, for the file of users.")
]
Scale = Annotated[
    str | None, typer.Option("--scale", metavar="LOW,HIGH", help="For file: sources, the ratings' scale, such as 1,10.")
]
SourceDataset = Annotated[
    str | None, typer.Option("--dataset", help="For file: sources, the data set's name (default: the file's).")
]
