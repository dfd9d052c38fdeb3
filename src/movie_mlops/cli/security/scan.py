"""``movie-mlops security scan``."""

from pathlib import Path
from typing import Annotated

import typer


def scan(
    folder: Annotated[Path, typer.Argument(help="A git working tree (default: this folder).")] = Path(),
    check: Annotated[
        list[str] | None,
        typer.Option("--check", help="Only this: lint, bandit, secret, lock, licence, container; again for more."),
    ] = None,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", help="Write the findings to this file as SARIF 2.1.0.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Look for secrets, code that runs data, loose locks, licences and soft containers; exit code 1 where there is any.

    What is accepted, with its reason, is in config/security-scan.yaml of the folder. Needs no network.
    """
    import json

    from movie_mlops import __version__
    from movie_mlops.cli import output
    from movie_mlops.security.scan import scan as look
    from movie_mlops.security.scan import to_sarif
    from movie_mlops.settings import read_scan

    found = look(folder, read_scan(folder / "config" / "security-scan.yaml"), only=check or ())
    if sarif is not None:
        sarif.write_text(json.dumps(to_sarif(found.findings, __version__), indent=2) + "\n", "utf-8")
    if as_json:
        output.print_json(found.to_json())
    else:
        for finding in found.findings:
            typer.echo(f"{finding.path}:{finding.line}: {finding.rule}: {finding.sentence}")
        for name, why in found.skipped.items():
            typer.echo(f"{name} was skipped: {why}")
        typer.echo(f"{len(found.findings)} findings by {', '.join(found.checks)}; {found.accepted} are accepted.")
    if found.findings:
        raise typer.Exit(1)
