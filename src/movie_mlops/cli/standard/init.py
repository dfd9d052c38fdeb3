"""``movie-mlops standard init``."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from movie_mlops.cli.standard import making
from movie_mlops.standard import git
from movie_mlops.standard.errors import GitError
from movie_mlops.standard.scaffold.project import Request, plan_project


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that is empty or does not exist")
    parser.add_argument("--stages", metavar="1,2", type=_numbers, help="the stages to begin with (1)")
    parser.add_argument("--package", metavar="NAME", help="the Python package (the name of the folder)")
    parser.add_argument("--lang", metavar="en,ko", default="en", help="languages of the overview documents (en)")
    parser.add_argument("--into-existing", action="store_true", help="add what is missing to what is there")
    parser.add_argument("--dry-run", action="store_true", help="say what would be made, write nothing")


def run(options: Namespace) -> int:
    """Make the project, and its git repository where git is there and no repository is around it."""
    root: Path = options.folder
    stages = options.stages if options.stages is not None else () if options.into_existing else (1,)
    languages = tuple(part.strip() for part in options.lang.split(",") if part.strip())
    making.recover(root, dry_run=options.dry_run)
    plan = plan_project(root, Request(stages, options.package, languages, options.into_existing))
    making.carry_out(root, plan, verb="Started", dry_run=options.dry_run)
    if options.dry_run:
        return 0
    _repository(root, existing=options.into_existing)
    _say_what_is_missing()
    making.say_next(plan.next_steps)
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.replace(",", " ").split()
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise ArgumentTypeError(f"'{text}' is no list of stages: write numbers such as 1,2")
    return tuple(sorted({int(part) for part in parts}))


def _repository(root: Path, *, existing: bool) -> None:
    """Begin a repository with everything staged, so that the first commit is the user's own."""
    if existing or git.repository_of(root.resolve().parent) is not None:
        return
    try:
        git.run(root, "init", "--quiet", "--initial-branch=main")
        git.run(root, "add", "--all")
    except GitError as error:
        sys.stderr.write(f"warning: there is no git repository yet: {error}\n")
        return
    sys.stdout.write("Began a git repository: everything is staged, nothing is committed.\n")


def _say_what_is_missing() -> None:
    from importlib.util import find_spec

    if find_spec("pytest") is None:
        sys.stdout.write("The tests need pytest, which this Python does not have: requirements-dev.txt names it.\n")
