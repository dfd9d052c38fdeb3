"""The command ``standard migrate``: parses, calls, prints."""

import argparse
import sys
from pathlib import Path

from movie_mlops.standard.migrate.journal import BACKUPS

PLAN_NAME = f"{BACKUPS}/migration-plan.toml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the four commands to the parser of ``standard migrate``."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="plan|apply|verify|rollback")
    plan = steps.add_parser("plan", help="write every move and every edit that it causes into a file to review")
    plan.add_argument("-o", "--output", default=PLAN_NAME, help=f"where ('-': print it; default: {PLAN_NAME})")
    apply = steps.add_parser("apply", help="make the moves of a plan, stage by stage")
    apply.add_argument("plan", nargs="?", default=PLAN_NAME, help=f"the plan (default: {PLAN_NAME})")
    apply.add_argument(
        "--verify", metavar="CMD", help="run before and after each stage; a stage that it fails is undone"
    )
    apply.add_argument("--resume", action="store_true", help="go on with an interrupted migration")
    verify = steps.add_parser("verify", help="prove the latest migration: places, references, history")
    rollback = steps.add_parser("rollback", help="bring everything back to what it was, byte for byte")
    for step in (plan, apply, verify, rollback):
        step.add_argument("--root", type=Path, default=Path(), metavar="FOLDER", help="the project (default: here)")


def run(options: argparse.Namespace) -> int:
    """Run ``standard migrate`` and return the exit code.

    Returns:
        0 done; 1 some stages were undone, or the proof fails.

    Raises:
        StandardError: It could not be done; the error has the exit code.
    """
    steps = {"plan": _plan, "apply": _apply, "verify": _verify, "rollback": _rollback}
    return steps[options.step](options)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def _plan(options: argparse.Namespace) -> int:
    from movie_mlops.standard.loading import load_spec
    from movie_mlops.standard.migrate import backup
    from movie_mlops.standard.migrate.plan import to_toml
    from movie_mlops.standard.migrate.planning import make_plan
    from movie_mlops.standard.migrate.repository import Repository, counted

    repository = Repository.at(options.root)
    plan = make_plan(repository, load_spec(repository.root))
    changed = repository.changed()
    where = repository.root / PLAN_NAME if options.output == PLAN_NAME else Path(options.output)
    again = "" if options.output == PLAN_NAME else f" {options.output}"
    text = to_toml(plan, apply=f"movie-mlops standard migrate apply{again}")
    if options.output == "-":
        sys.stdout.write(text)
        return 0
    backup.write_whole(where, text.encode("utf-8", "backslashreplace"))
    files = len({edit.file for edit in plan.edits})
    edits = f"{counted(len(plan.edits), 'line')} to change in {counted(files, 'file')}"
    lines = [f"{counted(len(plan.moves), 'file')} to move, {edits}."]
    if plan.ambiguous or plan.doubts:
        unclear = f"{counted(len(plan.ambiguous), 'file')} whose place is not clear"
        lines.append(f"Left to you: {unclear}, {counted(len(plan.doubts), 'line')} to look at.")
    if changed:
        lines.append("There are uncommitted changes: commit them, and plan again before you apply.")
    if plan.moves:
        lines.append(f"The plan is in {options.output}. Read it, then: movie-mlops standard migrate apply{again}")
    _print(*lines)
    return 0


def _apply(options: argparse.Namespace) -> int:
    from movie_mlops.standard.loading import load_spec
    from movie_mlops.standard.migrate import apply, planning
    from movie_mlops.standard.migrate.report import REPORT
    from movie_mlops.standard.migrate.repository import Repository, counted

    repository = Repository.at(options.root)
    if options.resume:
        outcome = apply.resume(repository, say=_say)
    else:
        path = repository.root / PLAN_NAME if options.plan == PLAN_NAME else Path(options.plan)
        private = planning.private_files(repository, load_spec(repository.root))
        outcome = apply.apply(repository, path, private=private, verify=options.verify, say=_say)
    lines = [f"{counted(outcome.moves, 'file')} moved, {counted(outcome.edits, 'file')} followed."]
    if outcome.undone:
        lines.append(f"Undone, because the verification failed: stage {', '.join(str(n) for n, _ in outcome.undone)}.")
    report = (outcome.folder / REPORT).relative_to(repository.root)
    lines += [
        f"The report to share is {report}.",
        "To prove it: movie-mlops standard migrate verify",
        "To go back:  movie-mlops standard migrate rollback",
    ]
    _print(*lines)
    return 1 if outcome.undone else 0


def _verify(options: argparse.Namespace) -> int:
    from movie_mlops.standard.loading import load_spec
    from movie_mlops.standard.migrate.repository import Repository, counted
    from movie_mlops.standard.migrate.verify import prove

    repository = Repository.at(options.root)
    proof = prove(repository, load_spec(repository.root))
    lines = [f"{counted(proof.moved, 'file')} moved."]
    for what, found in (
        ("each is where the standard has it", proof.misplaced),
        ("nothing new dangles", proof.dangling),
        ("each keeps its history (git log --follow)", proof.forgotten),
    ):
        lines += [f"{'✗' if found else '✓'} {what}", *(f"    {line}" for line in found)]
    _print(*lines)
    return 0 if proof.holds() else 1


def _rollback(options: argparse.Namespace) -> int:
    from movie_mlops.standard.migrate.repository import Repository, counted
    from movie_mlops.standard.migrate.rollback import rollback

    repository = Repository.at(options.root)
    journal = rollback(repository, say=_say)
    commit, files = journal.begin["commit"], len(journal.begin["files"])
    _print(f"Everything is as it was at {commit[:12]}, byte for byte: {counted(files, 'file')} checked.")
    return 0
