"""``movie-mlops run``."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from movie_mlops.cli import options

if TYPE_CHECKING:
    from movie_mlops.flows import RunReport, StepReport

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_DOING = {
    "ingest": "Bringing the ratings in",
    "features": "Computing features",
    "evaluate": "Training and judging every model",
    "train": "Training the best on everything",
    "gate": "Judging it against the champion",
    "release": "Releasing",
    "track": "Recording the experiments",
    "register": "Writing the model card",
}


@app.command()
def run(
    source: options.SourceName = "sample",
    serve: Annotated[bool, typer.Option("--serve", help="Then serve the API and the page.")] = False,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Where the page answers.")] = None,
    only: Annotated[
        str | None, typer.Option("--only", metavar="STEP", help="One step alone, on what those before it have made.")
    ] = None,
    column: options.Columns = None,
    movies: options.Movies = None,
    movie_column: options.MovieColumns = None,
    users: options.Users = None,
    user_column: options.UserColumns = None,
    scale: options.Scale = None,
    dataset: options.SourceDataset = None,
    engine: options.Engine = None,
    production: Annotated[
        bool, typer.Option("--production", help="Only from committed code (or set MOVIE_MLOPS_PRODUCTION=true).")
    ] = False,
    home: options.Home = None,
    summary: Annotated[
        Path | None, typer.Option("--summary", help="Add what was decided to the end of this file, as Markdown.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """The main job: ingest, features, evaluate, train, gate, release; steps whose inputs did not change are skipped."""
    from movie_mlops import flows
    from movie_mlops.cli import door, progress

    _check_only(only, serve=serve)
    settings = door.settings(home)
    if serve:
        door.require_fit(settings)
        _check_port(settings.host, port or settings.port)
    if summary is not None:
        # A place that cannot be written is told now, not after an hour.
        summary.touch()
    opened = door.source(
        settings,
        source,
        columns=column,
        movies=movies,
        movie_columns=movie_column,
        users=users,
        user_columns=user_column,
        scale=scale,
        dataset=dataset,
    )
    with door.engine(settings, engine) as chosen:
        report = flows.run(
            opened,
            home=settings.home,
            config=door.platform_config(settings),
            lakes=door.lakes(settings),
            only=only,
            production=production or settings.production,
            state_url=settings.state_url,
            keys=door.keys_config(settings),
            engine=chosen,
            progress=progress.listener(),
            on_start=lambda step: None if as_json else _say(f"{_DOING[step]} …"),
            on_end=lambda step: None if as_json else _say_step(step),
        )
    refusal = report.refusal
    if summary is not None:
        with summary.open("a", encoding="utf-8") as file:
            file.write(flows.to_markdown(report))
    if as_json:
        from movie_mlops.cli.output import print_json

        print_json({**report.to_json(), **({"error": refusal.to_json()} if refusal else {})})
    elif only is None:
        _say_result(report)
    if refusal is not None:
        _say(f"error: {refusal}")
        # Asked to serve, what served before is served: the refusal is said, and is no reason for an empty page.
        if not serve or report.serving is None:
            raise typer.Exit(1)
    if serve:
        sys.stdout.flush()
        # A fresh process: what training needed does not stay in the server's memory.
        words = [
            sys.executable,
            "-m",
            "movie_mlops",
            "serve",
            "--home",
            str(settings.home),
            "--dataset",
            report.dataset,
            *(["--closed"] if production else []),
        ]
        os.execv(sys.executable, [*words, *(["--port", str(port)] if port else [])])  # noqa: S606 - our own command


def _check_only(step: str | None, *, serve: bool) -> None:
    from movie_mlops.flows.definition import MAIN_JOB

    steps = [task.name for task in MAIN_JOB]
    if step is not None and step not in steps:
        raise typer.BadParameter(f"There is no step {step!r}; there are {', '.join(steps)}.", param_hint="--only")
    if step is not None and serve:
        raise typer.BadParameter("One step alone does not serve: leave --serve out, or it.", param_hint="--only")


def _check_port(host: str, port: int) -> None:
    from movie_mlops.serving import bind

    bind(host, port).close()


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _say_step(step: "StepReport") -> None:
    made = step.result
    if step.name == "train" and step.status == "skipped":
        # The key was new when the bundle was made.
        made = {**made, "new_key": None}
    told = _TELL[step.name](made)
    how = "unchanged, skipped" if step.status == "skipped" else f"{step.seconds:.1f} s, {step.peak_memory_mib:,.0f} MiB"
    _say(f"  {step.name:<9} {told} ({how})")


def _tell_ingest(made: dict[str, Any]) -> str:
    bad = f", {made['rows_quarantined']:,} quarantined" if made["rows_quarantined"] else ""
    events = f", {made['events_new']:,} events" if made["events_new"] else ""
    good = f"{made['rows_good']:,} of {made['rows_read']:,} rows are good ({made['rows_new']:,} new)"
    return f"{good}{bad}{events}, {made['movies']:,} films"


def _tell_models(made: dict[str, Any]) -> str:
    best = made["models"][made["candidate"]]["ndcg@10"]
    interval = f"[{best['low']:.4f}, {best['high']:.4f}]"
    left_out = f"; left out: {', '.join(made['skipped'])}" if made["skipped"] else ""
    return f"{made['candidate']} of {len(made['models'])}: nDCG@10 {best['estimate']:.4f} {interval}{left_out}"


def _tell_gate(made: dict[str, Any]) -> str:
    checks = made["checks"]
    failed = [check["name"] for check in checks if not check["passed"]]
    waived = sum(check["waiver"] is not None for check in checks)
    word = f"passed {len(checks) - len(failed)} checks" if made["passed"] else f"refused: {', '.join(failed)}"
    rest = [f"{waived} waived"] if waived else []
    return ", ".join([word, *rest]) + (f". {made['note']}" if made["note"] else "")


def _tell_bundle(made: dict[str, Any]) -> str:
    how = f"signed with a new key, {made['new_key']}" if made["new_key"] else f"signed by {made['signed_by']}"
    return f"bundle {made['bundle_id']}, {how}"


def _tell_action(made: dict[str, Any]) -> str:
    if made["action"] != "withheld":
        return str(made["action"])
    promote = f"movie-mlops release promote {made['bundle_id']} --reason …"
    return f"withheld, because {made['why']} (to release it all the same: {promote})"


_TELL: dict[str, Callable[[dict[str, Any]], str]] = {
    "ingest": _tell_ingest,
    "features": lambda made: f"{made['histories']:,} histories",
    "evaluate": _tell_models,
    "train": _tell_bundle,
    "gate": _tell_gate,
    "release": lambda made: f"{_tell_action(made)}; serving {made['serving']}",
    "track": lambda made: f"{len(made['runs'])} runs in experiment {made['experiment']}",
    "register": lambda made: f"{made['label']}, card {made['card']}",
}


def _say_result(report: "RunReport") -> None:
    seconds = sum(step.seconds for step in report.steps)
    _say(f"Done in {seconds:.1f} s. {report.result('evaluate')['verdict']}")
    _say(f"Report: {report.report}")
