"""``movie-mlops standard check``."""

import gc
import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from movie_mlops.cli.standard import place
from movie_mlops.standard.errors import UsageError

if TYPE_CHECKING:
    from movie_mlops.standard.checking import Report
    from movie_mlops.standard.spec import Spec


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("root", nargs="?", metavar="PATH", help="the project; the repository around you by default")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--staged", action="store_true", help="judge only what the next commit changes")
    which.add_argument("--changed", metavar="REV", help="judge only what differs from a commit")
    which.add_argument("--rev", metavar="REV", help="judge a commit instead of the working tree")
    parser.add_argument("--format", choices=["text", "json", "sarif", "github", "baseline"], default="text")
    parser.add_argument("--baseline", metavar="FILE", help="accepted findings, each with a reason")
    parser.add_argument("--update-baseline", action="store_true", help="take out of it what no longer fires")
    parser.add_argument("--strict", action="store_true", help="warnings fail too")
    parser.add_argument("--lang", default="en", metavar="LANG", help="language of the messages: en, ko")
    parser.add_argument("--color", choices=["auto", "always", "never"], default="auto")


def run(options: Namespace) -> int:
    """Check, print, and return the exit code."""
    root = place.project(options.root)
    if options.update_baseline and options.baseline is None:
        raise UsageError("--update-baseline needs a baseline.", next_step="Add --baseline FILE.")
    gc.disable()  # a check makes many small objects that live until it ends; looking for garbage is a tenth of its time
    try:
        return _check(root, options)
    finally:
        gc.enable()


def _check(root: str, options: Namespace) -> int:
    whole = not (options.staged or options.changed)
    if options.staged:
        from movie_mlops.standard import changes

        with changes.Staged(root) as staged:
            # Imported while git is at work, here and below.
            from movie_mlops.standard.checking import check
            from movie_mlops.standard.loading import load_spec

            spec, files, only = load_spec(root), staged.tree(), staged.changes()
        kept = sorted(only.kept & files.files)
        report = check(spec, files, language=options.lang, only=kept, removed=only.removed)
    elif options.rev or options.changed:
        from movie_mlops.standard import changes
        from movie_mlops.standard.checking import check
        from movie_mlops.standard.loading import load_spec

        spec, files = load_spec(root), place.files(root, rev=options.rev)
        if options.rev:
            report = check(spec, files, language=options.lang)
        else:
            only = changes.since(root, options.changed)
            kept = sorted(only.kept & files.files)
            report = check(spec, files, language=options.lang, only=kept, removed=only.removed)
    else:
        with place.begun(root) as begun:
            from movie_mlops.standard.checking import check
            from movie_mlops.standard.loading import load_spec

            spec = load_spec(root)
            report = check(spec, begun, language=options.lang)
    stale = 0
    if options.baseline is not None:
        report, stale = _accepted(report, options, whole=whole)
    sys.stdout.write(_rendered(spec, report, options, whole=whole))
    fails = any(one.severity == "error" or options.strict for one in report.findings)
    return 1 if fails or stale else 0


def _accepted(report: "Report", options: Namespace, *, whole: bool) -> "tuple[Report, int]":
    from movie_mlops.standard import baseline

    entries = baseline.load(options.baseline)
    if options.update_baseline:
        if not whole:
            raise UsageError("A part of a project cannot update its baseline.", next_step="Check everything.")
        baseline.shrink(options.baseline, report.findings, entries)
        entries = baseline.load(options.baseline)
    outcome = baseline.apply(report.findings, entries, options.baseline)
    stale = outcome.stale if whole else []
    for one in stale:
        sys.stderr.write(f"error: {one.path}:{one.line}: {one.message}. {one.fix}\n")
    return report._replace(findings=outcome.findings), len(stale)


def _rendered(spec: "Spec", report: "Report", options: Namespace, *, whole: bool) -> str:
    if options.format == "json":
        from movie_mlops.standard.output import json

        return json.render(spec, report, options.lang)
    if options.format == "sarif":
        from movie_mlops import __version__
        from movie_mlops.standard.output import sarif

        return sarif.render(spec, report, options.lang, __version__)
    if options.format == "github":
        from movie_mlops.standard.output import github

        return github.render(spec, report, options.lang)
    if options.format == "baseline":
        from movie_mlops.standard.baseline import proposed

        return proposed(report.findings)
    from movie_mlops.standard.output import text

    colours = options.color == "always" or (options.color == "auto" and sys.stdout.isatty())
    return text.render(spec, report, text.Style(options.lang, colours), whole=whole)
