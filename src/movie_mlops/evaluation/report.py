"""The report: one HTML file that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from movie_mlops.core import clock, report_page
from movie_mlops.evaluation import plots
from movie_mlops.evaluation.ablation import ablations
from movie_mlops.evaluation.case import Facts
from movie_mlops.evaluation.curves import LearningCurve
from movie_mlops.evaluation.leaderboard import Leaderboard, Standing, leaderboard, metric_label
from movie_mlops.evaluation.metrics import PER_USER
from movie_mlops.evaluation.scores import Scores

_LEAST_SHOWN: Final = 0.0001

_MEANINGS: Final[Mapping[str, str]] = {
    "serendipity": "Recall of the hits that popularity alone would not have shown",
    "popularity_lift": "how much more popular the lists are than what people watch",
    "diversity": "how little the films of a list share in genres; 0: all alike",
    "miscalibration": "how far the genres of a list are from those of the history",
}


def write_report(
    path: Path,
    *,
    title: str,
    scores: Sequence[Scores],
    baseline: str,
    facts: Mapping[str, Facts],
    command: str,
    metric: str = "ndcg@10",
    made_at: datetime | None = None,
) -> Leaderboard:
    """Write the report of one case, and return the leaderboard that it shows.

    The file appears whole or not at all.

    Args:
        path: The HTML file; its folder is made.
        title: What was evaluated.
        scores: One result for each model, all of one case (join folds with :func:`pool` first).
        baseline: The model that the others are compared with, such as the last days' popularity.
        facts: Sections of facts by heading, such as ``{"Data": …, "Split": case.facts}``.
        command: The command line that makes the same report again.
        metric: The leading metric.
        made_at: When it was made; by default now.

    Raises:
        NotComparableError: The baseline is missing, or the results are not of the same users.
    """
    board = leaderboard(scores, baseline=baseline, metric=metric)
    html = _render(board, scores, title=title, facts=facts, command=command, made_at=made_at or clock.now())
    report_page.write_whole(path, html)
    return board


def _render(
    board: Leaderboard,
    scores: Sequence[Scores],
    *,
    title: str,
    facts: Mapping[str, Facts],
    command: str,
    made_at: datetime,
) -> str:
    figures = {
        "means": plots.means(board),
        "by_history": plots.by_history(board, scores),
        "trade_off": plots.trade_off(board),
    }
    unbiased = _unbiased(board)
    if unbiased:
        figures["unbiased"] = plots.means(board, unbiased)
    if len(board.standings) > 1:
        figures["differences"] = plots.differences(board)
    parts = ablations(scores, board.metric)
    for part in parts:
        figures[f"ablation of {part.model}"] = plots.ablation(part)
    return _page(
        "report.html.j2",
        title=title,
        ablations=parts,
        unbiased=unbiased,
        meanings=[
            (metric_label(name + "@")[:-1], words) for name, words in _MEANINGS.items() if name in _measured(board)
        ],
        board=board,
        rows=[_row(board, position, standing) for position, standing in enumerate(board.standings)],
        per_user=[name for name in board.best.metrics if name.partition("@")[0] in PER_USER],
        beyond=[name for name in board.best.metrics if name.partition("@")[0] not in PER_USER],
        lists=list(dict.fromkeys(name for standing in board.standings for name in standing.lists)),
        figures=figures,
        facts=facts,
        command=command,
        made_at=_moment(made_at),
        config=scores[0].config,
    )


def write_curve_report(
    path: Path,
    *,
    title: str,
    curve: LearningCurve,
    facts: Mapping[str, Facts],
    command: str,
    made_at: datetime | None = None,
) -> None:
    """Write the report of a learning curve; the file appears whole or not at all.

    Args:
        path: The HTML file; its folder is made.
        title: What was evaluated.
        curve: What was found.
        facts: Sections of facts by heading.
        command: The command line that makes the same report again.
        made_at: When it was made; by default now.
    """
    html = _page(
        "curve.html.j2",
        title=title,
        curve=curve,
        figures={"curve": plots.learning(curve)},
        colours={name: plots.colour(position) for position, name in enumerate(curve.models)},
        facts=facts,
        command=command,
        made_at=_moment(made_at or clock.now()),
    )
    report_page.write_whole(path, html)


def _page(template: str, *, figures: Mapping[str, str], **given: Any) -> str:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    loader = ChoiceLoader([PackageLoader("movie_mlops.evaluation"), PackageLoader(report_page.PACKAGE)])
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["metric"] = metric_label
    environment.filters["fact"] = fact
    environment.filters["chance"] = _chance
    # The drawings are made here, by a library that escapes the names in them; nothing else is let through as markup.
    safe = {name: Markup(svg) for name, svg in figures.items()}  # noqa: S704 (see above)
    return environment.get_template(template).render(figures=safe, **given)


def _unbiased(board: Leaderboard) -> str | None:
    """Return the unbiased sibling of the leading metric, where it was measured and is another one."""
    name, _, cutoff = board.metric.partition("@")
    sibling = f"{name}_unbiased@{cutoff}"
    return sibling if sibling in board.best.metrics else None


def _measured(board: Leaderboard) -> set[str]:
    names = [*board.best.metrics, *(name for standing in board.standings for name in standing.lists)]
    return {name.partition("@")[0] for name in names}


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")


def _chance(p: float) -> str:
    """Return a p-value as people read it; the least that so many permutations can show is not rounded to nothing."""
    return f"{p:.4f}" if p >= _LEAST_SHOWN else "< 0.0001"


def _row(board: Leaderboard, position: int, standing: Standing) -> dict[str, Any]:
    top = board.best.metrics[board.metric].estimate or 1.0
    return {
        "standing": standing,
        "colour": plots.colour(position),
        "baseline": standing.model == board.baseline,
        "share": max(0.0, min(1.0, standing.metrics[board.metric].estimate / top)),
        "leads": {name for name in standing.metrics if _is_highest(board, standing, name)},
    }


def _is_highest(board: Leaderboard, standing: Standing, metric: str) -> bool:
    return standing.metrics[metric].estimate >= max(other.metrics[metric].estimate for other in board.standings)


def fact(value: str | float) -> str:
    """Return a value as the pages show it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
