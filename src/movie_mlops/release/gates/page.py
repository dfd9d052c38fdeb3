"""The verdict as one HTML page that needs nothing beside it, with the look of the evaluation's report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from movie_mlops.core import report_page
from movie_mlops.evaluation import metric_label
from movie_mlops.release.gates.verdict import GATES, Check, Part, Verdict, told

WIDTH: Final = 440
_LABELS: Final = 150
_ROOM: Final = 58
_ROW: Final = 26
_TOP: Final = 12
_HEADINGS: Final = {
    "data": ("The data", "What was brought in, and how far it is from what the model before learned from."),
    "model": ("The model", "Quality against what is popular and what serves, and what it does beside that."),
    "code": ("The code", "What the bundle was made with."),
}


@dataclass(frozen=True)
class Mark:
    """One line of a plot, in its coordinates.

    Attributes:
        label: What stands at the left.
        text: What stands at the right.
        y: Its height.
        low: Left end of its band.
        high: Right end of its band.
        at: Where its dot is; ``None`` draws the band alone.
        good: Whether it passed.
    """

    label: str
    text: str
    y: float
    low: float
    high: float
    at: float | None
    good: bool


@dataclass(frozen=True)
class Plot:
    """A plot of some values on one axis.

    Attributes:
        title: What it asks.
        note: How to read it.
        marks: The lines.
        zero: Where zero is.
        limit: Where the limit is, if all lines share one.
        height: Of the drawing.
    """

    title: str
    note: str
    marks: tuple[Mark, ...]
    zero: float
    limit: float | None
    height: float


def write_page(path: Path, verdict: Verdict, *, dataset: str, command: str) -> None:
    """Write the verdict's page; the file appears whole or not at all.

    Args:
        path: The HTML file.
        verdict: What the gate said.
        dataset: Of which data.
        command: The command line that shows it again.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.release"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["told"] = told
    html = environment.get_template("gate.html.j2").render(
        title=f"May {verdict.candidate} serve {dataset}?",
        verdict=verdict,
        metric=metric_label(verdict.metric),
        sections=[(*_HEADINGS[gate], verdict.of(gate)) for gate in GATES if verdict.of(gate)],
        counts={word: sum(check.word == word for check in verdict.checks) for word in ("pass", "FAIL", "note")},
        plots=_plots(verdict),
        width=WIDTH,
        first=_LABELS,
        command=command,
    )
    report_page.write_whole(path, html)


def _plots(verdict: Verdict) -> list[Plot]:
    by_name = {check.name: check for check in verdict.checks}
    found = [_quality(verdict)]
    if "drift" in by_name:
        note = (
            "Share of the interactions that lie elsewhere than in the last training set; the dashed line is the limit."
        )
        found.append(_shares(by_name["drift"], "Is the data still the same?", note))
    if "robustness" in by_name:
        note = "Share of the users to whom invented users bring the film that they push; the dashed line is the limit."
        found.append(_shares(by_name["robustness"], "What can invented users do?", note))
    if "segments" in by_name:
        found.append(_segments(by_name["segments"]))
    return [plot for plot in found if plot is not None]


def _quality(verdict: Verdict) -> Plot | None:
    rows = [
        Part(check.name.replace("-", " "), check.passed, check.estimate, check.low, check.high)
        for check in verdict.checks
        if check.low is not None and not check.parts
    ]
    note = f"Difference in {metric_label(verdict.metric)}, user by user, with its interval."
    return _plot("Is it better?", note, rows, "{:+.4f}", None)


def _segments(check: Check) -> Plot | None:
    rows = [part for part in check.parts if part.estimate is not None]
    note = "Difference to the champion in each segment, with intervals that hold for all of them together."
    return _plot("Does anybody pay for it?", note, rows, "{:+.1%}", check.limit)


def _shares(check: Check, title: str, note: str) -> Plot | None:
    return _plot(title, note, list(check.parts), "{:.1%}", check.limit)


def _plot(title: str, note: str, parts: Sequence[Part], form: str, limit: float | None) -> Plot | None:
    if not parts:
        return None
    values = [0.0, *([] if limit is None else [limit])]
    for part in parts:
        values += [value for value in (part.low, part.estimate, part.high) if value is not None]
    least, most = min(values), max(values)
    span = (most - least) or 1.0

    def place(value: float) -> float:
        return round(_LABELS + 8 + (value - least) / span * (WIDTH - _LABELS - _ROOM - 16), 1)

    marks = []
    for number, part in enumerate(parts):
        estimate = part.estimate or 0.0
        low = 0.0 if part.low is None else part.low
        high = estimate if part.high is None else part.high
        marks.append(
            Mark(
                part.name,
                form.format(estimate),
                _TOP + _ROW * number + _ROW / 2,
                place(min(low, high)),
                place(max(low, high)),
                place(estimate) if part.low is not None else None,
                part.passed,
            )
        )
    where = None if limit is None else place(limit)
    return Plot(title, note, tuple(marks), place(0.0), where, _TOP * 2 + _ROW * len(parts))
