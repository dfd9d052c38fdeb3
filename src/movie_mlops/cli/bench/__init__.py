"""``movie-mlops bench``; the commands of each part of the platform in a module of their own."""

import typer

from movie_mlops.cli.bench import (
    data,
    events,
    growth,
    lately,
    models,
    reference,
    security,
    serving,
    traffic,
    updating,
    whole,
)

app = typer.Typer(
    help="Measure the platform on this machine.", rich_markup_mode=None, no_args_is_help=True, add_completion=False
)

app.command()(serving.serve)
app.command()(serving.page)
app.command()(serving.search)
app.command()(serving.retrieval)
app.command()(security.security)
app.command()(security.shilling)
app.command("main-job")(whole.main_job)
app.command()(whole.standard)
app.command()(growth.scale)
app.command()(traffic.load)
app.command()(traffic.workers)
app.command()(data.ingest)
app.command()(data.features)
app.command()(data.online)
app.command()(data.spark)
app.command()(events.events)
app.command()(models.quality)
app.command()(models.newcomers)
app.command()(lately.lately)
app.command()(models.train)
app.command()(models.evaluate)
app.command()(models.drift)
app.command()(updating.updates)
app.command()(reference.reference)
