"""Bundles on their way to and from other machines."""

from pathlib import Path
from typing import Annotated

import typer

from movie_mlops.cli import options
from movie_mlops.cli.audited import audited
from movie_mlops.cli.models import words


def export(
    bundle: words.Bundle,
    output_file: Annotated[
        Path | None, typer.Option("--output", "-o", help="The archive (default: <bundle>.bundle.tar here).")
    ] = None,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a bundle with its signature and its card into one file; the same bundle gives the same bytes."""
    from movie_mlops.cli import door, output
    from movie_mlops.core.digests import file_digest
    from movie_mlops.flows.exchange import export_bundle

    with door.platform(home, dataset) as platform:
        bundle_id = door.bundle(platform.workspace, bundle)
        path, size = export_bundle(platform, bundle_id, output_file)
    if as_json:
        output.print_json({"bundle": bundle_id, "file": str(path), "bytes": size, "sha256": file_digest(path)})
    else:
        typer.echo(f"{bundle_id} is in {path} ({output.size(size)}).")


@audited("models.import")
def import_(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="What 'models export' wrote.")],
    reason: words.Reason,
    by: words.By = "operator",
    max_bytes: Annotated[int, typer.Option("--max-bytes", min=1, help="A greater file is not read.")] = 8 << 30,
    dataset: options.Dataset = None,
    home: options.Home = None,
    as_json: options.AsJson = False,
) -> None:
    """Bring in a bundle from elsewhere, if a trusted key signed it and every byte is right; else nothing at all."""
    from movie_mlops.cli import door, output
    from movie_mlops.flows.exchange import import_bundle

    with door.platform(home, dataset) as platform:
        registered, new = import_bundle(platform, archive, by=by, reason=reason, max_bytes=max_bytes)
    if as_json:
        output.print_json({"bundle": registered.bundle_id, "label": registered.label, "new": new})
    elif new:
        typer.echo(f"{registered.bundle_id} is here as {registered.label}.")
        typer.echo(f"To have it serve: movie-mlops release promote {registered.label} --reason …")
    else:
        typer.echo(f"{registered.bundle_id} was here already, as {registered.label}.")
