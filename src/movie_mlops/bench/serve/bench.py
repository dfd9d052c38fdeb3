"""How fast the API answers: the real server in its own process, the load in another."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.record import write_record
from movie_mlops.bench.serve import parts
from movie_mlops.bench.serve.config import ServeBenchConfig, StageConfig
from movie_mlops.bench.serve.measuring import Floor, Part, stage_setup
from movie_mlops.bench.serve.memory import watch
from movie_mlops.bench.serve.process import serving
from movie_mlops.bench.serve.rivals import against_rivals
from movie_mlops.bench.serve.stage import Stage, set_stage
from movie_mlops.core.progress import SILENT, Progress


def bench_serve(
    config: ServeBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT
) -> dict[str, Any]:
    """Measure live personalised answers, and write what was found to a file.

    Args:
        config: What is run.
        out: The JSON file, replaced whole; the plot of the memory, where that is watched, lies beside it.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: The answers are not personalised, not as many as were asked for, or without reasons.
        MovieMlopsError: A catalogue or a bundle cannot be used.
    """
    machine, found = machine_facts(), _Found()
    if "answers" in config.parts or config.rivals is not None:
        with found.stage("answers", config.stage, progress) as stage:
            if "answers" in config.parts:
                with serving(stage.workspace) as served:
                    found.keep("answers", parts.answers(Floor(config, stage, served, progress)))
            if config.rivals is not None:
                found.keep("rivals", against_rivals(config, config.rivals, stage, progress))
    if "champion" in config.parts:
        with (
            found.stage("champion", config.champion, progress) as stage,
            serving(stage.workspace) as served,
        ):
            found.keep("champion", parts.champion(Floor(config, stage, served, progress)))
    if {"large", "overload"} & set(config.parts) or config.requests is not None:
        with (
            found.stage("large", config.large, progress) as stage,
            serving(stage.workspace) as served,
        ):
            floor = Floor(config, stage, served, progress)
            if "large" in config.parts:
                found.keep("large", parts.large(floor))
            if config.requests is not None:
                found.keep("memory", watch(floor, config.requests, out.with_name(f"{out.stem}-memory.svg")))
            if "overload" in config.parts:
                found.keep("overload", parts.overload(floor))
    return write_record(out, "serve", command, machine, found.told)


class _Found:
    """What was found so far, as the record tells it."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {
            "shared": "The server and what asks it share the machine's cores; neither is bound to one.",
            "stages": {},
            "scenarios": [],
            "targets": [],
        }

    @contextmanager
    def stage(self, name: str, config: StageConfig, progress: Progress) -> Iterator[Stage]:
        """Set a stage for as long as it is used."""
        with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder:
            stage = set_stage(Path(folder), config, progress)
            self.told["stages"][name] = stage_setup(config, stage)
            yield stage

    def keep(self, name: str, part: Part) -> None:
        """Add what a part found."""
        self.told["scenarios"] += [{"part": name, **scenario} for scenario in part.scenarios]
        self.told["targets"] += part.targets
        checked = part.more.pop("checked", None)
        if checked is not None:
            self.told["stages"][name]["checked"] = checked
        self.told |= part.more
