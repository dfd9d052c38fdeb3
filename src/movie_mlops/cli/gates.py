"""``movie-mlops release gate``, ``waive``, ``operator`` and ``robustness``."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_MAKE_ONE = "Name your private key with --key, or make one with 'movie-mlops release operator'."
Bundle = Annotated[str | None, typer.Argument(help="A bundle: its id or name@version (default: the one judged last).")]

Key = Annotated[
    Path | None,
    typer.Option("--key", help="The operator's private key (default: data/keys/operators/NAME.pem in the home)."),
]


@app.command()
def gate(
    bundle: Bundle = None,
    again: Annotated[bool, typer.Option("--again", help="Judge anew instead of showing what was decided.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a pull request or the summary of a job.")
    ] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write the page to this file too.")] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what the gate said of a bundle, or judge it again; exit 0 where it may serve, 1 where it is refused."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.gate import command_of
    from movie_mlops.flows.verdicts import judge_again, known_verdict
    from movie_mlops.release import Verdict, to_markdown, write_page

    with door.platform(home, dataset) as platform:
        if bundle is not None:
            bundle = door.bundle(platform.workspace, bundle)
        document = None if again else known_verdict(platform, bundle)
        document = judge_again(platform, bundle) if document is None else document
        verdict = Verdict.from_json(document)
        if html is not None:
            write_page(html, verdict, dataset=platform.workspace.dataset, command=command_of(platform.workspace))
    if as_json:
        output.print_json(document)
    else:
        typer.echo(to_markdown(verdict) if markdown else verdict.to_text())
    if not verdict.passed:
        raise typer.Exit(1)


@app.command()
@audited("release.waive", on="check")
def waive(
    check: Annotated[str, typer.Argument(help="The check, as 'movie-mlops release gate --json' names it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept in the verdict and in the ledger.")],
    who: Annotated[str, typer.Option("--who", help="The operator, as config/gates.yaml names them.")],
    until: Annotated[datetime, typer.Option("--until", help="Its last day: 2026-01-31.", formats=["%Y-%m-%d"])],
    key: Key = None,
    bundle: Annotated[
        str | None,
        typer.Option("--bundle", help="The one candidate: its id or name@version (default: the one judged last)."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Instead, every candidate of this recipe; with --metric.")
    ] = None,
    metric: Annotated[str | None, typer.Option("--metric", help="The metric that those are judged on.")] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Sign a waiver for one failed check of one candidate; the next run lets it pass until its last day."""
    from movie_mlops.cli import door, output
    from movie_mlops.core import clock
    from movie_mlops.flows.verdicts import to_waive
    from movie_mlops.release import BUNDLE_ID, SigningKey, make_waiver, sign_waiver, write_waiver

    settings = door.settings(home)
    rules = door.platform_config(settings).gate.waivers
    # A whole id may be of a candidate on another machine, whose verdict the operator has read.
    if model is None and (bundle is None or not BUNDLE_ID.fullmatch(bundle)):
        with door.platform(home, dataset) as platform:
            named = None if bundle is None else door.bundle(platform.workspace, bundle)
            bundle = to_waive(platform, named, check)
    waiver = make_waiver(
        check=check,
        bundle=bundle,
        model=model,
        metric=metric,
        reason=reason,
        who=who,
        made=clock.now().date(),
        until=until.date(),
    )
    signer = SigningKey.read(key or door.operator_key(settings, who), next_step=_MAKE_ONE)
    path = write_waiver(door.waivers(settings), sign_waiver(waiver, signer, rules))
    if as_json:
        output.print_json({"file": str(path)})
    else:
        typer.echo(f"{path} waives {check} of {bundle or model} until {waiver.until}. Now: movie-mlops run")


@app.command()
@audited("release.operator", on="name")
def operator(
    name: Annotated[str, typer.Argument(help="The operator's name.")],
    key: Key = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Make an operator's key where there is none, and print what config/gates.yaml needs of it."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import SigningKey, write_key

    key = key or door.operator_key(door.settings(home), name)
    if not key.exists():
        write_key(key)
    public = SigningKey.read(key, next_step=_MAKE_ONE).public_key
    if as_json:
        output.print_json({"operator": name, "public_key": public})
        return
    typer.echo(f"# config/gates.yaml; {key} is secret\nwaivers:\n  operators:\n    {name}: {public}")


@app.command()
def robustness(
    recipe: Annotated[
        list[str] | None, typer.Option("--recipe", help="A recipe to attack; again for more (default: all of them).")
    ] = None,
    targets: Annotated[int, typer.Option("--targets", min=1, help="How many films are pushed, one at a time.")] = 5,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Attack recipes with 1, 3 and 5 percent invented users of every kind, and say how far they get."""
    from movie_mlops.cli import door, output, progress
    from movie_mlops.flows.robustness import EVERY_ATTACK, EVERY_SHARE
    from movie_mlops.flows.robustness import robustness as attack

    with door.platform(home, dataset) as platform:
        names = [one.name for one in platform.config.recipes if one.name not in platform.config.baselines]
        found = attack(
            platform,
            door.some_of("recipe", recipe, names),
            chosen=EVERY_ATTACK,
            shares=EVERY_SHARE,
            targets=targets,
            progress=progress.listener(),
        )
    if as_json:
        output.print_json({"sampled": found.sampled, "attacks": list(found.rows)})
    else:
        output.print_rows(found.rows, as_json=False)
        typer.echo(found.sampled)
    if any(row["bounded"] == "no" for row in found.rows):
        raise typer.Exit(1)
