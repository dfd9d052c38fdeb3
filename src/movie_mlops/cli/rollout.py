"""``movie-mlops release canary``, ``watch``, ``pause``, ``resume``, ``stop``, ``experiment`` and ``shadow``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited

if TYPE_CHECKING:
    from movie_mlops.flows import Platform
    from movie_mlops.release.rollout import Arm, Layer, Rollouts, Step

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the ledger.")]
ApprovedBy = Annotated[str, typer.Option("--approved-by", help="Who decides.")]
Bundle = Annotated[str, typer.Argument(help="A bundle: its id, name@version, name@alias, or the beginning of its id.")]
Name = Annotated[
    str | None, typer.Argument(help="What: a name from 'release status' (default: the canary that goes on).")
]
Share = Annotated[float, typer.Option("--share", min=0.0001, max=1, help="The share of the users, from 0 to 1.")]


@app.command()
@audited("release.canary", on="bundle")
def canary(
    bundle: Bundle,
    reason: Reason,
    stages: Annotated[
        str | None, typer.Option("--stages", metavar="PERCENTS", help="Such as 1,5,25,50, before everybody gets it.")
    ] = None,
    approved_by: ApprovedBy = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Give a bundle to a few users, then to more and more, as long as nothing becomes worse; else take it back.

    Servers that run do the rest: each looks every few seconds. Settings are in config/rollout.yaml.
    """
    from dataclasses import replace

    from movie_mlops.cli import door, output
    from movie_mlops.flows.verdicts import known_verdict
    from movie_mlops.release import RolloutError, read_bundle
    from movie_mlops.release.rollout import Rollouts

    config = door.rollout(door.settings(home)).canary
    if stages is not None:
        config = replace(config, stages=_shares(stages))
    with door.platform(home, dataset) as platform:
        bundle = door.bundle(platform.workspace, bundle)
        read_bundle(platform.workspace.models / bundle, trust=platform.keys.trust)
        verdict = known_verdict(platform, bundle)
        if verdict is not None and verdict["passed"] is False:
            raise RolloutError(
                f"The gate refused {bundle}, so nobody gets it.",
                next_step="See why with 'movie-mlops release gate', or waive what may be waived.",
            )
        gate = verdict or {"passed": None, "text": "The gate was not asked."}
        begun = Rollouts(platform.database).begin_canary(
            bundle, config, reason=reason, approved_by=approved_by, gate=gate
        )
    if as_json:
        output.print_json(begun.to_json())
    else:
        typer.echo(f"'{begun.name}' begins: {bundle} for {begun.share:.0%} of the users.")
        typer.echo("How it does: movie-mlops release status")


@app.command()
@audited("release.watch")
def watch(
    every: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, do what is to be done, and end.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Look how the canary does and do what is to be done, until it ends; servers do the same by themselves."""
    import time

    from movie_mlops.cli import door, output
    from movie_mlops.flows.rollout import Conductor
    from movie_mlops.release.rollout import Rollouts

    with door.platform(home, dataset) as platform:
        conductor, rollouts = Conductor.of(platform), Rollouts(platform.database)
        while (going := rollouts.standing().canary) is not None:
            decision = conductor.judge(going)
            conductor.act(going, decision)
            if as_json:
                output.print_json(
                    {"name": going.name, "share": going.share, "reason": decision.reason} | decision.to_json()
                )
            else:
                typer.echo(f"{going.name} at {going.share:.0%}: {decision.next}. {decision.reason}")
            if once:
                break
            time.sleep(every)
        else:
            if once and not as_json:
                typer.echo("There is no canary.")


@app.command()
@audited("release.pause")
def pause(
    reason: Reason,
    approved_by: ApprovedBy = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Hold the canary at its share; it is still taken back where something becomes worse or is missing."""
    from movie_mlops.release.rollout import Step

    _move(None, Step.PAUSE, reason, approved_by, dataset=dataset, home=home, as_json=as_json)


@app.command()
@audited("release.resume")
def resume(
    reason: Reason,
    approved_by: ApprovedBy = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Let the canary go on."""
    from movie_mlops.release.rollout import Step

    _move(None, Step.RESUME, reason, approved_by, dataset=dataset, home=home, as_json=as_json)


@app.command()
@audited("release.stop", on="name")
def stop(
    reason: Reason,
    name: Name = None,
    approved_by: ApprovedBy = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """End an experiment or a shadow; its users have the champion again."""
    from movie_mlops.release.rollout import Step

    _move(name, Step.STOP, reason, approved_by, dataset=dataset, home=home, as_json=as_json)


@app.command()
@audited("release.experiment", on="name")
def experiment(
    name: Annotated[str, typer.Argument(help="What it is called: small letters, digits, hyphens.")],
    arm: Annotated[
        list[str],
        typer.Option(
            "--arm",
            metavar="NAME=BUNDLE[:WEIGHT]",
            help="Once for each arm, the first being what the others are held against; 'champion' is what serves now. "
            "In the layer 'exploration' a share of explored answers stands in the bundle's place.",
        ),
    ],
    reason: Reason,
    share: Share = 0.1,
    layer: Annotated[
        str,
        typer.Option("--layer", help="The exclusion group: a user is in one experiment of each: models, exploration."),
    ] = "models",
    interleaved: Annotated[
        bool, typer.Option("--interleaved", help="Two models make every list together, in turns (team draft).")
    ] = False,
    design: Annotated[
        str, typer.Option("--design", help="always-valid, or at planned looks: obrien-fleming, pocock.")
    ] = "always-valid",
    people: Annotated[
        int, typer.Option("--people", min=1, help="Planned users in each arm, for planned looks.")
    ] = 1000,
    looks: Annotated[int, typer.Option("--looks", min=1, max=20, help="How many planned looks.")] = 4,
    alpha: Annotated[float, typer.Option("--alpha", min=0.0001, max=0.5, help="Rate of false findings.")] = 0.05,
    hours: Annotated[float, typer.Option("--hours", min=0, help="How long a user has to respond.")] = 0.5,
    approved_by: ApprovedBy = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Begin an experiment (A/B/n, or two models interleaved) on a share of the users."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.release.rollout import DESIGNS, ExperimentPlan, Layer, Rollouts, Span

    for word, known in ((layer, tuple(Layer)), (design, DESIGNS)):
        if word not in known:
            raise ConfigurationError(f"There is no {word!r}.", next_step=f"Use one of {', '.join(known)}.")
    with door.platform(home, dataset) as platform:
        plan = ExperimentPlan(
            layer=Layer(layer),
            share=share,
            span=Span(0, 0),
            arms=tuple(_arm(platform, Layer(layer), word) for word in arm),
            how="interleaved" if interleaved else "arms",
            design=next(known for known in DESIGNS if known == design),
            people=people,
            looks=tuple((look + 1) / looks for look in range(looks)),
            alpha=alpha,
            response_seconds=hours * 3600,
        )
        begun = Rollouts(platform.database).begin_experiment(name, plan, reason=reason, approved_by=approved_by)
    if as_json:
        output.print_json(begun.to_json())
    else:
        typer.echo(f"'{name}' begins on {share:.2%} of the users, in {len(plan.arms)} arms.")


@app.command()
@audited("release.shadow", on="bundle")
def shadow(
    bundle: Bundle,
    reason: Reason,
    share: Annotated[float, typer.Option("--share", min=0.0001, max=1, help="The share of the answers.")] = 0.1,
    approved_by: ApprovedBy = "operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Have a bundle answer beside the champion, seen by nobody; 'release status' tells how it did."""
    from movie_mlops.cli import door, output
    from movie_mlops.release import read_bundle
    from movie_mlops.release.rollout import Rollouts

    workspace = door.workspace(home, dataset)
    bundle = door.bundle(workspace, bundle)
    read_bundle(workspace.models / bundle, trust=door.keys(home).trust)
    begun = Rollouts(door.database(workspace)).begin_shadow(bundle, share, reason=reason, approved_by=approved_by)
    if as_json:
        output.print_json(begun.to_json())
    else:
        typer.echo(f"'{begun.name}' begins: {bundle} is asked for {share:.0%} of the answers too.")


def _move(
    name: str | None,
    action: "Step",
    reason: str,
    approved_by: str,
    *,
    dataset: str | None,
    home: Path | None,
    as_json: bool,
) -> None:
    from movie_mlops.cli import door, output
    from movie_mlops.release.rollout import Rollouts

    rollouts = Rollouts(door.database(door.workspace(home, dataset)))
    name = name or _canary(rollouts)
    moved = rollouts.move(name, action, expected=None, reason=reason, approved_by=approved_by)
    if as_json:
        output.print_json(moved.to_json())
    else:
        typer.echo(f"'{name}': {action}.")


def _canary(rollouts: "Rollouts") -> str:
    from movie_mlops.release import RolloutError

    going = rollouts.standing().canary
    if going is None:
        raise RolloutError("There is no canary.", next_step="Begin one with 'movie-mlops release canary BUNDLE'.")
    return going.name


def _shares(percents: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) / 100 for word in percents.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{percents!r} are no percents.", param_hint="--stages") from error


def _arm(platform: "Platform", layer: "Layer", word: str) -> "Arm":
    """Read one arm.

    Raises:
        ConfigurationError: It is not written as one.
    """
    import re

    from movie_mlops.cli import door
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.release import read_bundle
    from movie_mlops.release.rollout import Arm, Layer

    found = re.fullmatch(r"([^=]+)=([^:]+)(?::([0-9]+(?:\.[0-9]+)?))?", word)
    number = re.compile(r"[0-9]+(\.[0-9]+)?")
    if found is None or (layer is Layer.EXPLORATION and not number.fullmatch(found[2])):
        raise ConfigurationError(
            f"--arm {word!r} is not NAME=BUNDLE[:WEIGHT].", next_step="Write for example --arm new=ease@2:1"
        )
    name, what, weight = found[1], found[2], float(found[3] or 1)
    if layer is Layer.EXPLORATION:
        return Arm(name, weight, exploration=float(what))
    champion = platform.ledger.champion()
    bundle = champion.bundle_id if what == "champion" and champion else door.bundle(platform.workspace, what)
    read_bundle(platform.workspace.models / bundle, trust=platform.keys.trust)
    return Arm(name, weight, bundle_id=bundle)
