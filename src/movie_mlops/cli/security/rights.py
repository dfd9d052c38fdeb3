"""``movie-mlops security erase``, ``erasures``, ``export``, ``places``, ``receipt``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited

receipt = typer.Typer(help="Receipts of erasures.", rich_markup_mode=None, no_args_is_help=True, add_completion=False)


@receipt.callback()
def _receipt() -> None:
    """Receipts of erasures."""


@audited("security.erase")
def erase(
    user: Annotated[str | None, typer.Argument(help="Whose data.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would go, and change nothing.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Erase again everybody of whom something came back, as with a back-up.")
    ] = False,
    by: Annotated[str, typer.Option("--by", help="Who asked for it; goes into the receipt.")] = "an operator",
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Erase somebody's data everywhere, and write a signed receipt.

    Killed at any moment, the same command goes on where it stopped.
    """
    from movie_mlops.cli import door, output
    from movie_mlops.core.errors import ConfigurationError
    from movie_mlops.flows import erasure

    if (user is None) != again:
        raise ConfigurationError("Whose data is to be erased?", next_step="Give one id, or --again alone.")
    with door.platform(home, dataset, as_served=True) as platform:
        known = None if user is None else platform.people.known_as(user)
        if plan and known is not None:
            _print_plan(erasure.plan(platform, known), as_json=as_json)
            return
        receipts = [erasure.erase(platform, known, by=by)] if known else erasure.erase_returned(platform, by=by)
        reports = platform.workspace.reports / "erasures"
    if as_json:
        output.print_json(receipts if user is None else receipts[0])
        return
    if not receipts:
        typer.echo("Nothing of anybody who was erased is here.")
    for told in receipts:
        serving = told["places"]["models"]["serving_until_another_does"]
        typer.echo(f"Erased. The receipt: {reports / told['pseudonym'][:16]}.json")
        for bundle_id in serving:
            typer.echo(f"  {bundle_id} learned from them and serves until 'movie-mlops run' has released another.")


def erasures(dataset: options.Dataset = None, home: options.Home = None, as_json: options.AsJson = False) -> None:
    """List the erasures, by pseudonym; one that was interrupted says so."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.clock import to_iso

    meant = door.workspace(home, dataset)
    rows = [
        {
            "pseudonym": each.pseudonym[:16],
            "requested": to_iso(each.requested_at),
            "finished": to_iso(each.finished_at) if each.finished_at else "interrupted: run the same command again",
            "by": each.by,
        }
        for each in door.erased(door.settings(home), meant).all()
    ]
    output.print_rows(rows, as_json=as_json)


@audited("security.export")
def export(
    user: Annotated[str, typer.Argument(help="Whose data.")],
    out: Annotated[Path | None, typer.Option("--out", help="The file (default: the standard output).")] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write everything that is known of somebody as JSON, with what each part means."""
    import json

    from movie_mlops.cli import door, output
    from movie_mlops.flows import erasure

    with door.platform(home, dataset) as platform:
        told = erasure.export(platform, platform.people.known_as(user))
    if out is None:
        output.print_json(told)
        return
    out.touch(mode=0o600)
    out.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    rows = sum(len(each) for each in told["data"].values())
    if as_json:
        output.print_json({"file": str(out), "tables": len(told["data"]), "rows": rows})
        return
    typer.echo(f"{rows:,} rows of {len(told['data'])} tables: {out}")


def places(as_json: options.AsJson = False) -> None:
    """List where personal data lies, and what an erasure does with it."""
    from movie_mlops.cli import output
    from movie_mlops.security.erasure import PLACES

    rows = [{"where": str(each.kind), "name": each.name, "columns": list(each.columns)} for each in PLACES]
    told = [{**row, "holds": each.holds, "erased": each.erased} for row, each in zip(rows, PLACES, strict=True)]
    output.print_rows(told, as_json=as_json)


@audited("security.retention")
def retention(
    plan: Annotated[bool, typer.Option("--plan", help="Say what would go, and change nothing.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Take out what is older than config/security.yaml lets it be, and what people withdrew and is there still."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.erasure import carry_out
    from movie_mlops.flows.retention import outdated, retain

    config = door.security(door.settings(home)).retention
    with door.platform(home, dataset, as_served=True) as platform:
        withdrawn = len(platform.consents.outstanding() if plan else carry_out(platform, by="the retention"))
        found = (outdated if plan else retain)(platform, config)
    if withdrawn and not as_json:
        typer.echo(f"Withdrawals of {withdrawn:,} people {'are outstanding' if plan else 'were carried out'}.")
    if not (found or as_json):
        if not withdrawn:
            typer.echo("Everything is kept: nothing stands under 'retention' in config/security.yaml.")
        return
    rows = [{"table": each.table, "older than days": each.days, "rows": each.rows} for each in found]
    output.print_rows(rows, as_json=as_json)


@receipt.command()
def verify(
    file: Annotated[Path, typer.Argument(help="The receipt.")],
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Check that a receipt is as it was signed, by a key that is trusted here."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows import erasure

    told = erasure.read_receipt(file, door.keys(home))
    if as_json:
        output.print_json(told)
        return
    what = f"{' and '.join(told['purposes'])} of" if "purposes" in told else "data of"
    typer.echo(
        f"The receipt is whole: {what} {told['pseudonym'][:16]} in {told['dataset']} went by {told['finished_at']}"
        f" (signed by {told['signed_by']})."
    )


def _print_plan(told: dict[str, Any], *, as_json: bool) -> None:
    from movie_mlops.cli import output

    if as_json:
        output.print_json(told)
        return
    rows = [
        *(
            {"where": f"lake {table}", "rows": held["rows"], "files": held["files"]}
            for table, held in told["lake"].items()
        ),
        *({"where": f"state {table}", "rows": rows, "files": None} for table, rows in told["state"].items() if rows),
        *({"where": place, "rows": None, "files": len(paths)} for place, paths in told["files"].items() if paths),
    ]
    output.print_rows(rows, as_json=False)
    for bundle_id in told["models"]:
        typer.echo(f"{bundle_id} learned from them and would be retired; then train with: movie-mlops run")
