"""``movie-mlops ingest tmdb``."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.ingest.tmdb import TmdbClient, TmdbReport, TmdbRequest
    from movie_mlops.settings import Settings

Films = Annotated[
    Literal["linked", "popular", "discover"],
    typer.Option(
        "--films",
        help="linked: films of the data set that have a TMDB identifier; popular, discover: films of TMDB's lists, "
        "which are added where the data set does not have them.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", min=1, help="At most so many films (linked: the most rated first; popular, discover: from the top)."
    ),
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Ask again for films that changed on this day or later.")
]
Genres = Annotated[list[str] | None, typer.Option("--genre", help="For discover: films of this genre; may repeat.")]
Years = Annotated[str | None, typer.Option("--years", metavar="FIRST-LAST", help="For discover: films of these years.")]
Check = Annotated[bool, typer.Option("--check", help="Only try the key, and say what TMDB answers.")]


def tmdb(
    films: Films = "linked",
    limit: Limit = None,
    since: Since = None,
    genre: Genres = None,
    years: Years = None,
    check: Check = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Fetch what The Movie Database knows of films: directors, cast, keywords, language, runtime.

    Facts fill what the data set leaves empty, and never take the place of what it says itself. A call that is
    interrupted goes on where it stopped. The key is read from MOVIE_MLOPS_TMDB_KEY.
    """
    from movie_mlops.cli import door
    from movie_mlops.ingest.tmdb import TmdbClient, TmdbConfig, TmdbRequest
    from movie_mlops.settings import read_proxy

    settings = door.settings(home)
    request = TmdbRequest(films, limit, since=_day(since), genres=tuple(genre or ()), years=_years(years))
    config = TmdbConfig(url=settings.tmdb_url, proxy=read_proxy(settings.tmdb_url))
    with TmdbClient(config, settings.tmdb_key) as client:
        if check:
            _check(client, as_json=as_json)
            return
        _print(_enrich(settings, dataset, request, client), dataset, as_json=as_json)


def _enrich(settings: "Settings", dataset: str | None, request: "TmdbRequest", client: "TmdbClient") -> "TmdbReport":
    from movie_mlops.cli import door, progress
    from movie_mlops.ingest.tmdb import Journal, enrich

    with door.one_flow(door.workspace(settings.home, dataset)) as workspace:
        database = door.database(workspace)
        try:
            lake = door.lake_of(settings, workspace)
            with door.journaled("ingest tmdb", workspace, lake):
                return enrich(request, lake, Journal(database), client, progress=progress.listener())
        finally:
            database.close()


def _print(report: "TmdbReport", dataset: str | None, *, as_json: bool) -> None:
    from dataclasses import asdict

    from movie_mlops.cli import output

    if as_json:
        output.print_json(asdict(report))
    else:
        typer.echo(
            f"{report.films:,} films meant, {report.known:,} of them known; {report.fetched:,} fetched, "
            f"{report.gone:,} gone, {report.refused:,} refused; {report.changed:,} films of the lake changed."
        )
        if report.quarantined:
            which = "" if dataset is None else f" --dataset {dataset}"
            typer.echo(f"{report.quarantined:,} rows are new in the quarantine: movie-mlops ingest quarantine{which}")
        if report.left:
            typer.echo(f"{report.left:,} films are left: run the same command again.")
    if report.failed:
        typer.echo(f"TMDB could not be asked for {report.failed:,} films: run the same command again.", err=True)
        raise typer.Exit(1)


def _check(client: "TmdbClient", *, as_json: bool) -> None:
    from movie_mlops.cli import output
    from movie_mlops.ingest.tmdb import genres

    client.configuration()
    told = {"key": "accepted", "genres": list(genres(client))}
    if as_json:
        output.print_json(told)
    else:
        typer.echo(f"TMDB takes the key, and knows the genres {', '.join(told['genres'])}.")


def _day(given: str | None) -> date | None:
    from movie_mlops.core.errors import ConfigurationError

    try:
        return None if given is None else date.fromisoformat(given)
    except ValueError as error:
        raise ConfigurationError(
            f"--since {given!r} is no date.", next_step="Write it as year-month-day, such as --since 2026-03-01"
        ) from error


def _years(given: str | None) -> tuple[int, int] | None:
    from movie_mlops.core.errors import ConfigurationError

    if given is None:
        return None
    first, _, last = given.partition("-")
    if not all(len(year) == 4 and year.isdecimal() for year in (first, last or first)):  # noqa: PLR2004 - a year's digits
        raise ConfigurationError(f"--years {given!r} are no years.", next_step="Write for example --years 1990-1999")
    return int(first), int(last or first)
