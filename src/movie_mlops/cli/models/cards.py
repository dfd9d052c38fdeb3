"""What a bundle is: its card, and two of them side by side."""

from typing import Annotated, Any

import typer

from movie_mlops.cli import options
from movie_mlops.cli.models import words


def card(
    bundle: words.Bundle,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a bundle's model card, as one HTML file and as Markdown: quality, whom it serves, data, limits."""
    import webbrowser

    from movie_mlops.cli import door, output
    from movie_mlops.flows.card import write_card

    with door.platform(home, dataset) as platform:
        html, markdown = write_card(platform, door.bundle(platform.workspace, bundle))
    if as_json:
        output.print_json({"html": str(html), "markdown": str(markdown)})
    else:
        typer.echo(f"Card: {html}")
        typer.echo(f"      {markdown}")
    if open_ and not webbrowser.open(html.absolute().as_uri()):
        typer.echo("No browser could be opened; open the file yourself.", err=True)


def compare(
    first: words.Bundle,
    second: words.Bundle,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Show how two bundles differ: parameters, data, figures, and what some users would see change."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.compare import compare_bundles

    with door.platform(home, dataset) as platform:
        found = compare_bundles(
            platform, door.bundle(platform.workspace, first), door.bundle(platform.workspace, second)
        )
    if as_json:
        output.print_json(found)
    else:
        _tell(found)


def _tell(found: dict[str, Any]) -> None:
    from movie_mlops.cli import output

    names = [bundle["bundle"] for bundle in found["bundles"]]
    sizes = {"size": [output.size(bundle["bytes"]) for bundle in found["bundles"]]}
    labels = {"name": [bundle["label"] for bundle in found["bundles"]]}
    rows = [{"": name, names[0]: one, f"{names[1]} ": two} for name, (one, two) in (labels | sizes).items()]
    rows += [{"": name, names[0]: _short(a), f"{names[1]} ": _short(b)} for name, (a, b) in found["differs"].items()]
    output.print_rows(rows, as_json=False)
    typer.echo("")
    output.print_rows([_metric(found, metric, values) for metric, values in found["metrics"].items()], as_json=False)
    typer.echo(found["note"])
    lists = found["lists"]
    typer.echo(f"\nLists of {lists['length']} for {lists['users']:,} users share {lists['shared']:.0%} of their films.")
    for heading, films in (("More often in a list", lists["come"]), ("No longer", lists["gone"])):
        told = ", ".join(f"{film['title'] or film['movie_id']} ({film['users']})" for film in films)
        typer.echo(f"{heading}: {told or 'none'}.")


def _metric(found: dict[str, Any], metric: str, values: list[float | None]) -> dict[str, Any]:
    gap = (found["paired"] or {}).get(metric)
    difference = f"{gap['estimate']:+.4f} ({gap['low']:+.4f} to {gap['high']:+.4f})" if gap else ""
    return {"metric": metric, "first": values[0], "second": values[1], "second minus first": difference}


def _short(value: Any) -> str:
    return "-" if value is None else str(value)
