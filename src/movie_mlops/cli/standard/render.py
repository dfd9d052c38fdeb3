"""``movie-mlops standard render``."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from movie_mlops.cli.standard import making, place
from movie_mlops.standard.findings import shown
from movie_mlops.standard.loading import load_spec
from movie_mlops.standard.render import rendering

_SAID = {
    "missing": "is missing",
    "by-hand": "was written by hand; move it away, or let --force replace it",
}


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("root", nargs="?", metavar="PATH", help="the project; the repository around you by default")
    parser.add_argument("--lang", metavar="LANG", help="one language (en, ko); by default all that the standard has")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a document is not up to date")
    parser.add_argument("--out", metavar="DIR", type=Path, help="write there instead of into the project")
    parser.add_argument("--force", action="store_true", help="replace documents that were written by hand too")


def run(options: Namespace) -> int:
    """Render, or compare; 0 where all is up to date, 1 where something differs or had to be left alone."""
    root = Path(place.project(options.root))
    spec = load_spec(root)
    languages = [options.lang] if options.lang else list(spec.languages)
    rendered = rendering.render(spec, making.everything(root), languages=languages)
    folder = options.out or root
    found = rendering.differences(rendered, folder)
    for line in rendered.silent:
        sys.stderr.write(f"warning: {line}.\n")
    if options.check:
        return _compared(found, len(rendered.files))
    by_hand = [] if options.force else [one for one in found if one.how == "by-hand"]
    written = rendering.write(rendered, [one for one in found if one not in by_hand], folder)
    for path in written:
        sys.stdout.write(f"wrote {shown(path)}\n")
    for one in by_hand:
        sys.stderr.write(f"left alone: {shown(one.path)} {_SAID['by-hand']}\n")
    up_to_date = len(rendered.files) - len(found)
    sys.stdout.write(f"{len(written)} written, {up_to_date} up to date.\n")
    return 1 if by_hand else 0


def _compared(found: list[rendering.Difference], total: int) -> int:
    for one in found:
        if one.how == "differs":
            sys.stdout.write(f"{shown(one.path)}:{one.line}: differs; rendered: {one.detail}\n")
        else:
            sys.stdout.write(f"{shown(one.path)} {_SAID[one.how]}\n")
    if found:
        sys.stdout.write(f"{len(found)} of {total} documents differ. Run: movie-mlops standard render\n")
        return 1
    sys.stdout.write(f"All {total} documents are up to date.\n")
    return 0
