"""``movie-mlops standard branch``."""

import sys
from argparse import ArgumentParser, Namespace

from movie_mlops.cli.standard import place
from movie_mlops.standard import git
from movie_mlops.standard.branches import judge
from movie_mlops.standard.loading import load_spec


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the branch; the one that is checked out by default")
    parser.add_argument(
        "--direct", action="store_true", help="it is about to be changed: a protected branch is refused"
    )
    parser.add_argument("--root", metavar="FOLDER", help="the project; the repository around you by default")
    parser.add_argument("--lang", default="en", metavar="LANG", help="language of the message: en, ko")


def run(options: Namespace) -> int:
    """Judge the branch; 0 where it is right, 1 where it is not."""
    root = place.project(options.root)
    name = options.name
    if name is None:
        name = git.run(root, "branch", "--show-current").decode("utf-8", "replace").strip()
        if not name:
            sys.stdout.write("No branch is checked out.\n")
            return 0
    found = judge(load_spec(root), name, direct=options.direct, language=options.lang)
    if found is None:
        return 0
    sys.stderr.write(f"{found.code} {found.message}. {found.fix}\n")
    return 1
