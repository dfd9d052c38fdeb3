"""What a bundle costs: loaded in a process of its own, which answers single requests one after another."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from movie_mlops.release.errors import GateError
from movie_mlops.release.gates.audience import Audience
from movie_mlops.release.gates.config import FootprintGate
from movie_mlops.release.gates.verdict import Check, unjudged
from movie_mlops.release.trust import TrustList


@dataclass(frozen=True)
class Measuring:
    """A measurement that goes on in another process."""

    process: "subprocess.Popen[str]"
    config: FootprintGate

    def checks(self) -> list[Check]:
        """Wait for the measurement and judge it.

        Raises:
            GateError: The process did not answer, or not in time.
        """
        try:
            out, err = self.process.communicate(timeout=self.config.patience_s)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            self.process.communicate()
            raise GateError(
                f"The bundle did not answer {self.config.requests} requests within {self.config.patience_s:g} s.",
                next_step="Try again when the machine is less busy, or allow more with footprint.patience_s.",
            ) from error
        if self.process.returncode != 0:
            said = err.strip().splitlines()
            raise GateError(
                f"The process that measures the bundle failed ({said[-1] if said else self.process.returncode}).",
                next_step="Check the bundle with 'movie-mlops models verify'.",
            )
        return _checks(json.loads(out), self.config)


def start_measuring(bundle: Path, trust: TrustList, audience: Audience, config: FootprintGate) -> Measuring | None:
    """Start the measurement, so that it goes on while other checks are made; ``None`` where none is wanted.

    Args:
        bundle: Its folder.
        trust: Whose bundles are used.
        audience: Whose histories are asked about.
        config: How many requests, and the limits.
    """
    if not config.requests or not len(audience):
        return None
    histories = audience.histories
    asked = [
        {"items": row.indices.tolist(), "weights": row.data.tolist()}
        for row in (histories[number % len(audience)] for number in range(min(config.requests, len(audience))))
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "movie_mlops.release.gates.answering"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    task = {"bundle": str(bundle), "trusted": str(trust.path), "requests": config.requests, "histories": asked}
    process.stdin.write(json.dumps(task))
    return Measuring(process, config)


def not_measured() -> Check:
    """Return what is said where nothing is measured."""
    return unjudged("latency", "Time and memory of the bundle are not measured.")


def _checks(found: dict[str, Any], config: FootprintGate) -> list[Check]:
    p99, mib = float(found["p99_ms"]), float(found["mib"])
    latency = (
        f"Measured in a process of its own, the bundle answers 99% of {found['requests']} single requests within"
        f" {p99:.2f} ms, half of them within {found['p50_ms']:.2f} ms ({config.max_p99_ms:g} ms allowed)."
    )
    memory = f"That process holds {mib:,.0f} MiB at most ({config.max_mib:,.0f} MiB allowed)."
    return [
        Check("latency", p99 <= config.max_p99_ms, p99, None, None, latency, limit=config.max_p99_ms),
        Check("memory", mib <= config.max_mib, mib, None, None, memory, limit=config.max_mib),
    ]
