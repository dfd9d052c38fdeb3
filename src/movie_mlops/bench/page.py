"""How soon the page shows its first answer: the real server, a real Chromium, one fresh profile after the other."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from movie_mlops.bench.config import PageBenchConfig
from movie_mlops.bench.errors import BenchError
from movie_mlops.bench.machine import machine_facts
from movie_mlops.bench.percentiles import summary
from movie_mlops.bench.record import write_record
from movie_mlops.bench.serve.config import StageConfig
from movie_mlops.bench.serve.process import serving
from movie_mlops.bench.serve.stage import set_stage
from movie_mlops.bench.targets import at_most
from movie_mlops.core.progress import SILENT, Progress

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_CHROMIUM: Final = "/usr/bin/chromium"
_ANSWERED: Final = "() => performance.getEntriesByName('answered')[0]?.startTime"
_FIRST_PAINT: Final = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_PATIENCE_MS: Final = 30_000


def bench_page(config: PageBenchConfig, out: Path, *, command: str = "", progress: Progress = SILENT) -> dict[str, Any]:
    """Measure the time from the first byte that is asked for until the first list of films is painted.

    A visit is one load of ``/`` in a browser profile that has never seen it: nothing is cached. ``new`` visitors get
    what is popular; ``known`` ones have liked films, and get their own ten. Beside them stands the floor: the first
    paint of ``/docs``, one document without a script, in the same browser.

    Args:
        config: What is run.
        out: The JSON file, replaced whole.
        command: The command line, for the record.
        progress: Who listens.

    Returns:
        What the file holds.

    Raises:
        BenchError: There is no browser, or the page shows no answer.
    """
    machine = machine_facts()
    stage_config = StageConfig(films=config.films, users=config.visits, seed=config.seed)
    with tempfile.TemporaryDirectory(prefix="movie-mlops-bench-") as folder, _chromium() as browser:
        stage = set_stage(Path(folder), stage_config, progress)
        with serving(stage.workspace) as served:
            url = f"http://127.0.0.1:{served.port}"
            users = [None] * config.visits
            version = browser.version
            _visit(browser, f"{url}/", None, _ANSWERED)
            found = {
                "floor": [_visit(browser, f"{url}/docs", user, _FIRST_PAINT) for user in users],
                "new": [_visit(browser, f"{url}/", user, _ANSWERED) for user in users],
                "known": [_visit(browser, f"{url}/", user, _ANSWERED) for user in stage.user_ids[: config.visits]],
            }
    told = {name: summary(np.array(times)) for name, times in found.items()}
    floor = float(np.median(found["floor"]))
    return write_record(
        out,
        "page",
        command,
        machine,
        {
            "setup": {"films": stage.films, "visits": config.visits, "seed": config.seed, "browser": version},
            "painted_ms": told,
            "ratio_to_floor": {name: round(float(np.median(found[name])) / floor, 2) for name in ("new", "known")},
            "targets": [
                at_most(
                    f"first answer painted, {name} visitor, median ms", config.limit_ms, float(np.median(found[name]))
                )
                for name in ("new", "known")
            ],
        },
    )


@contextmanager
def _chromium() -> Iterator["Browser"]:
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 (only here)
    except ImportError as error:
        raise BenchError(
            "Playwright is not installed.", next_step="Run: scripts/setup/setup_environment.sh dev"
        ) from error
    if not Path(_CHROMIUM).exists():
        raise BenchError(f"There is no Chromium at {_CHROMIUM}.", next_step="Run: scripts/setup/setup_test_tools.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox", "--no-first-run"])
        try:
            yield browser
        finally:
            browser.close()


def _visit(browser: "Browser", url: str, user: str | None, what: str) -> float:
    """Return after how many milliseconds ``what`` was there, in a profile of its own."""
    context = browser.new_context()
    try:
        if user is not None:
            context.add_init_script(f"localStorage.setItem('movie-mlops.visitor', {json.dumps(json.dumps(user))})")
        page = context.new_page()
        page.goto(url)
        painted: float = page.wait_for_function(what, timeout=_PATIENCE_MS).json_value()
        return round(painted, 2)
    finally:
        context.close()
