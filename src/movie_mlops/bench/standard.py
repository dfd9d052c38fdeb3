"""How fast the standard is checked: whole processes over one generated repository, beside another linter and git."""

import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

from movie_mlops.bench.config import StandardBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.whole_process import run_whole
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.standard.generated import large, write
from movie_mlops.standard.loading import load_spec
from movie_mlops.standard.spec import Spec
from movie_mlops.standard.template import Template

_CHECK: Final = (sys.executable, "-m", "movie_mlops", "standard", "check")
_STAGED_FILES: Final = 10
_PLANTED: Final = "tests/unit/Test-unnumbered.py"
_OURS: Final = "config/standard.toml"
_THEIRS: Final = ".ls-lint.yml"
_NAMES_OF: Final = ("unit-test", "integration-test", "end-to-end-test", "guide")
_GIT: Final = ("git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")


class Contender(NamedTuple):
    """A command that is timed, and whether it has to find the file with the wrong name."""

    name: str
    command: tuple[str, ...]
    config: tuple[str, str] | None = None
    finds: bool = True


def bench_standard(
    config: StandardBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Time ``standard check`` on a generated repository, with all rules, with names alone, and on staged files.

    The contenders take turns, so that a machine that slows down slows all of them. Each has to find a file with a
    wrong name first, and nothing once it is gone.

    Args:
        config: The size of the repository, the number of runs, the other linter.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: A contender does not find what it should, or git is not there.
    """
    machine, spec = machine_facts(), load_spec(None)
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
        root = Path(folder)
        made = large(spec, files=config.files, folders=config.folders)
        write(root, made)
        (root / ".env").write_text("", encoding="utf-8")
        _git(root, "init", "--quiet")
        _git(root, "add", "--force", "--all")
        _git(root, "rm", "--quiet", "--cached", ".env")
        _git(root, "commit", "--quiet", "--message", "A project")
        contenders = list(_contenders(spec, config))
        for contender in contenders:
            _prove(root, contender)
        times, memory = _timed(root, contenders, config.runs, progress)
    ours, floor = "all rules", "git ls-files"
    found = {
        name: {
            "median_seconds": round(statistics.median(seconds), 4),
            "min_seconds": round(min(seconds), 4),
            "max_seconds": round(max(seconds), 4),
            "peak_memory_mib": memory[name],
        }
        for name, seconds in times.items()
    }
    ratios = {
        f"{name} / {other}": round(statistics.median(a / b for a, b in zip(times[name], times[other], strict=True)), 2)
        for name, other in ((ours, "ls-lint"), ("names alone", "ls-lint"), (ours, floor))
        if other in times
    }
    targets = [
        _target(found, ours, "median_seconds", config.all_seconds),
        _target(found, "staged", "median_seconds", config.staged_seconds),
        _target(found, ours, "peak_memory_mib", config.memory_mib),
    ]
    return write_record(
        out,
        "standard",
        command,
        machine,
        {
            "setup": {
                "files": len(made),
                "folders": len({path.rpartition("/")[0] for path in made}),
                "runs": config.runs,
                "rules": len(spec.rules),
                "ls_lint": _version(config.ls_lint) if config.ls_lint else "not given (--ls-lint)",
            },
            "contenders": found,
            "ratios": ratios,
            "targets": targets,
        },
    )


def _contenders(spec: Spec, config: StandardBenchConfig) -> Iterator[Contender]:
    off = [
        f'[[rule]]\ncode = "{rule.code}"\nseverity = "off"\n' for rule in spec.rules.values() if rule.check != "name"
    ]
    yield Contender("all rules", _CHECK)
    yield Contender("names alone", _CHECK, (_OURS, "\n".join(off)))
    if config.ls_lint is not None:
        # Contenders run in the generated repository, so that a path from here must be whole.
        yield Contender("ls-lint", (str(config.ls_lint.resolve()), "--config", _THEIRS), (_THEIRS, _their_names(spec)))
    yield Contender("staged", (*_CHECK, "--staged"))
    yield Contender("git ls-files", ("git", "ls-files", "-z"), finds=False)


def _their_names(spec: Spec) -> str:
    """Return the names of tests and documents as the other linter writes them."""
    lines = ["ls:"]
    for kind in (spec.kinds[name] for name in _NAMES_OF):
        for folder in _folders(spec, kind.folders):
            rules = [f"regex:{pattern}" for template in kind.templates for pattern in _patterns(spec, template)]
            ending = kind.templates[0].text.rpartition(".")[2]
            kept = ["regex:__init__"] if ending == "py" else ["regex:.*"]
            lines += [f"  {folder}:", f"    .{ending}: '{' | '.join([*rules, *kept])}'"]
    return "\n".join([*lines, "ignore:", "  - .git", ""])


def _folders(spec: Spec, templates: Sequence[Template]) -> Iterator[str]:
    for template in templates:
        if template.text.isascii() and "{" not in template.text:
            yield template.text
        else:
            for stage in spec.stages:
                yield template.fill(spec.derived({"stage": str(stage)}))


def _patterns(spec: Spec, template: Template) -> Iterator[str]:
    """Yield a pattern for each choice of the alternatives in a name's holes; the other linter has none."""
    name = template.text.rpartition(".")[0]
    holes = [piece for piece in template.pieces[1::2] if piece in spec.placeholders]
    for choice in product(*(spec.placeholders[hole].pattern.split("|") for hole in holes)):
        pattern = name
        for hole, part in zip(holes, choice, strict=True):
            pattern = pattern.replace(f"{{{hole}}}", part, 1)
        yield pattern


@contextmanager
def _configured(root: Path, contender: Contender) -> Iterator[None]:
    if contender.config is None:
        yield
        return
    path = root / contender.config[0]
    path.write_text(contender.config[1], encoding="utf-8")
    try:
        yield
    finally:
        path.unlink()


def _prove(root: Path, contender: Contender) -> None:
    """Make sure that a contender looks: it finds the wrong name, and nothing else."""
    with _configured(root, contender):
        for planted in (True, False):
            if planted:
                (root / _PLANTED).write_text("", encoding="utf-8")
                _git(root, "add", _PLANTED)
            run = run_whole(contender.command, cwd=root)
            if planted:
                _git(root, "rm", "--quiet", "--force", _PLANTED)
            if bool(run.code) != (planted and contender.finds):
                what = "does not find a wrong name" if planted else "finds something where nothing is wrong"
                raise BenchError(
                    f"'{shlex.join(contender.command)}' {what}: {(run.out + run.err).strip()[-300:]}",
                    next_step="Compare only what looks at the same things.",
                )


def _timed(
    root: Path, contenders: Sequence[Contender], runs: int, progress: Progress
) -> tuple[dict[str, list[float]], dict[str, int]]:
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    memory = dict.fromkeys(times, 0)
    with progress.task("Checking", runs, "rounds") as advance:
        for _ in range(runs):
            for contender in contenders:
                with _configured(root, contender), _staged(root, on=contender.name == "staged"):
                    run = run_whole(contender.command, cwd=root)
                if run.code:
                    raise BenchError(
                        f"'{shlex.join(contender.command)}' ended with {run.code}: {run.err.strip()[-300:]}",
                        next_step="Run it by hand on a conforming tree.",
                    )
                times[contender.name].append(run.seconds)
                memory[contender.name] = max(memory[contender.name], run.peak_memory_mib)
            advance(1)
    return times, memory


@contextmanager
def _staged(root: Path, *, on: bool) -> Iterator[None]:
    changed = sorted((root / "tests" / "unit").glob("test_*_case_*.py"))[:_STAGED_FILES] if on else []
    before = [path.read_bytes() for path in changed]
    for path in changed:
        path.write_bytes(path.read_bytes() + b"MORE = 1\n")
    if changed:
        _git(root, "add", *(str(path.relative_to(root)) for path in changed))
    try:
        yield
    finally:
        for path, content in zip(changed, before, strict=True):
            path.write_bytes(content)
        if changed:
            _git(root, "add", *(str(path.relative_to(root)) for path in changed))


def _version(program: Path) -> str:
    return run_whole([str(program), "--version"]).out.split("\n")[0]


def _git(root: Path, *words: str) -> None:
    if shutil.which("git") is None:
        raise BenchError("git is not there.", next_step="Install git.")
    subprocess.run([*_GIT, *words], cwd=root, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - git, on our own folder


def _target(found: dict[str, Any], name: str, what: str, limit: float) -> dict[str, Any]:
    measured = found[name][what]
    return {"contender": name, "what": what, "limit": limit, "measured": measured, "met": measured <= limit}
