"""``movie-mlops standard explain``."""

import os
import sys
from argparse import ArgumentParser, Namespace

from movie_mlops.cli.standard import place
from movie_mlops.standard.errors import UsageError
from movie_mlops.standard.explain import explain
from movie_mlops.standard.loading import load_spec


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("path", nargs="+", metavar="PATH", help="a path, whether it exists or not")
    parser.add_argument("--root", metavar="FOLDER", help="the project; the repository around you by default")
    parser.add_argument("--lang", default="en", metavar="LANG", help="language of the words: en, ko")


def run(options: Namespace) -> int:
    """Explain each path; the exit code is 0 whatever the standard says of them."""
    root = place.project(options.root)
    spec, files = load_spec(root), place.files(root)
    texts = [explain(spec, files, _inside(root, given, options.root), language=options.lang) for given in options.path]
    sys.stdout.write("\n".join(texts))
    return 0


def _inside(root: str, given: str, chosen: str | None) -> str:
    start = os.path.abspath(root) if chosen is not None else os.getcwd()
    path = os.path.relpath(os.path.normpath(os.path.join(start, given)), os.path.abspath(root))
    if path == ".." or path.startswith(f"..{os.sep}"):
        raise UsageError(f"'{given}' is outside the project.", next_step=f"Name a path below {root}.")
    return path.replace(os.sep, "/")
