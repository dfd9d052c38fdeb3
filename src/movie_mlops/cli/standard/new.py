"""``movie-mlops standard new``."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from movie_mlops.cli.standard import making, place
from movie_mlops.standard.loading import load_spec
from movie_mlops.standard.scaffold.substage import Request, plan_substage


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("number", metavar="X.Y", help="the number of the substage")
    parser.add_argument("--title", metavar="TITLE", help="its title: cold-start, 'Cold start'")
    parser.add_argument("--name-ko", metavar="NAME", help="its Korean name")
    parser.add_argument("--containers", action="store_true", help="it needs a Compose file")
    parser.add_argument("--stage-name", metavar="NAME", help="declare stage X too, under this name")
    parser.add_argument("--dry-run", action="store_true", help="say what would be made, write nothing")
    parser.add_argument("--root", metavar="FOLDER", help="the project; the repository around you by default")


def run(options: Namespace) -> int:
    """Make the substage."""
    root = Path(place.project(options.root))
    making.recover(root, dry_run=options.dry_run)
    request = Request(options.number, options.title, options.name_ko, options.containers, options.stage_name)
    plan = plan_substage(root, load_spec(root), making.everything(root), request)
    making.carry_out(root, plan, verb="Made", dry_run=options.dry_run)
    if not options.dry_run:
        making.say_next(plan.next_steps)
    return 0
