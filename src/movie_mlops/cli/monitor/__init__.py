"""``movie-mlops monitor``; each command in a module of its own."""

import typer

from movie_mlops.cli.monitor.dashboards import dashboards
from movie_mlops.cli.monitor.drift import drift
from movie_mlops.cli.monitor.quality import quality
from movie_mlops.cli.monitor.readings import readings
from movie_mlops.cli.monitor.reference import reference
from movie_mlops.cli.monitor.report import report
from movie_mlops.cli.monitor.watch import watch

app = typer.Typer(help="Watch what runs.", rich_markup_mode=None, no_args_is_help=True, add_completion=False)


@app.callback()
def monitor() -> None:
    """Watch what runs."""


app.command()(watch)
app.command()(drift)
app.command()(quality)
app.command()(report)
app.command()(readings)
app.command()(reference)
app.command()(dashboards)
