"""``movie-mlops standard migrate``."""

from argparse import ArgumentParser, Namespace

from movie_mlops.standard.migrate import command


def configure(parser: ArgumentParser) -> None:
    """Declare the four commands and their arguments."""
    command.add_arguments(parser)


def run(options: Namespace) -> int:
    """Run one of them; the exit code is 1 where a stage was undone or the proof fails."""
    return command.run(options)
