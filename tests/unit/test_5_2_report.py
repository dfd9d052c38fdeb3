"""Models side by side, and the report that shows them."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from movie_mlops.evaluation import EvaluationConfig, NotComparableError, Scores, leaderboard, metric_label, write_report
from movie_mlops.evaluation.metrics import PER_USER

USERS = 60


def result(model: str, level: float) -> Scores:
    """Return a made-up result whose every metric is about ``level``."""
    spread = np.linspace(-0.05, 0.05, USERS)
    return Scores(
        model=model,
        case="time",
        user_ids=[f"u{i}" for i in range(USERS)],
        per_user={f"{metric}@10": level + spread for metric in PER_USER},
        lists={"coverage@10": level, "novelty@10": 3.0, "gini@10": 0.9},
        history_sizes=np.arange(USERS, dtype=np.int64),
        config=EvaluationConfig(resamples=100),
    )


class Reader(HTMLParser):
    """Collects what a page shows and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag and any address in it."""
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href", "data", "srcset", "xlink:href"}]

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data


def read(path: Path) -> tuple[str, Reader]:
    html = path.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(html)
    return html, reader


def write(path: Path, *results: Scores, title: str = "A title", baseline: str = "popular-recent") -> None:
    write_report(
        path,
        title=title,
        scores=results,
        baseline=baseline,
        facts={"Split": {"rows": 12345, "T": "2024-01-08"}},
        command="movie-mlops evaluate --protocol time",
        made_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )


def test_a_leaderboard_has_the_best_first_and_says_who_is_better() -> None:
    """Models are ordered by the leading metric, compared with the baseline, and judged in one sentence."""
    board = leaderboard(
        [result("popular-recent", 0.1), result("ease", 0.3), result("ials", 0.2)], baseline="popular-recent"
    )
    assert [standing.model for standing in board.standings] == ["ease", "ials", "popular-recent"]
    assert board.best.difference is not None
    assert board.best.difference.estimate == pytest.approx(0.2)
    assert board.standings[2].difference is None
    assert board.verdict.startswith("ease is better than popular-recent (+0.2000 nDCG@10, 95% interval +0.2000 to")
    # Also of one that does not lead, for the best may be one that nobody wants to release.
    assert board.verdict_of("ials").startswith("ials is better than popular-recent (+0.1000 nDCG@10, ")


def test_a_leaderboard_is_honest_about_a_draw() -> None:
    """An advantage whose interval holds zero is called uncertain, and a leading baseline is named as such."""
    noisy = result("ease", 0.101)
    values = np.where(np.arange(USERS) % 2 == 0, 0.6, -0.398)
    noisy = Scores(**{**noisy.__dict__, "per_user": {name: old + values for name, old in noisy.per_user.items()}})
    board = leaderboard([result("popular-recent", 0.1), noisy], baseline="popular-recent")
    assert "not certain" in board.verdict
    board = leaderboard([result("popular-recent", 0.3), result("ease", 0.1)], baseline="popular-recent")
    assert board.verdict == "No model does better than the baseline popular-recent on nDCG@10."
    assert board.verdict_of("ease").startswith("ease is worse than popular-recent (-0.2000 nDCG@10, ")


def test_a_leaderboard_is_plain_json() -> None:
    """The board can be written as JSON and read back, with every metric, interval and count."""
    board = leaderboard([result("popular-recent", 0.1), result("ease", 0.3)], baseline="popular-recent")
    plain = json.loads(json.dumps(board.to_json(), allow_nan=False))
    assert plain["best"] == "ease"
    assert plain["standings"][0]["metrics"]["recall@10"]["estimate"] == pytest.approx(0.3)
    assert plain["standings"][0]["users"] == {"wins": USERS, "ties": 0, "losses": 0}
    assert plain["standings"][1]["difference"] is None


def test_a_leaderboard_needs_its_baseline_and_each_model_once() -> None:
    """A missing baseline and a model that is there twice are refused with the models that were given."""
    with pytest.raises(NotComparableError, match="the baseline 'popular' among them"):
        leaderboard([result("ease", 0.3)], baseline="popular")
    with pytest.raises(NotComparableError, match="each model is wanted once"):
        leaderboard([result("ease", 0.3), result("ease", 0.2)], baseline="ease")


def test_metrics_have_names_for_readers() -> None:
    """A metric's name is shown as people write it."""
    assert [metric_label(name) for name in ("ndcg@10", "hit_rate@5", "own@3")] == ["nDCG@10", "Hit rate@5", "own@3"]


def test_a_report_shows_verdict_models_facts_and_command(tmp_path: Path) -> None:
    """The report names the winner, every model and metric, the facts of the split, and how to repeat it."""
    path = tmp_path / "reports" / "time.html"
    write(path, result("popular-recent", 0.1), result("ease", 0.3))
    _, reader = read(path)
    for words in (
        "ease",
        "is better than",
        "0.3000",
        "+0.2000",
        "Recall@10",
        "12,345",
        "2024-01-08",
        "2026-01-02 03:04 UTC",
    ):
        assert words in reader.text
    assert "movie-mlops evaluate --protocol time" in reader.text
    assert reader.tags.count("svg") == 4


def test_a_report_loads_nothing(tmp_path: Path) -> None:
    """The report is one file: it has no script and no address outside itself."""
    path = tmp_path / "time.html"
    write(path, result("popular-recent", 0.1), result("ease", 0.3))
    html, reader = read(path)
    assert reader.loads == []
    assert "script" not in reader.tags
    assert re.findall(r"url\(|@import|https?://(?!www\.w3\.org/)", html) == []


def test_a_report_escapes_what_it_is_given(tmp_path: Path) -> None:
    """Names and titles are shown, never run as markup, in the text and in the drawings."""
    path = tmp_path / "time.html"
    write(path, result("popular-recent", 0.1), result("<b onload=x>", 0.3), title="<script>alert(1)</script>")
    html, reader = read(path)
    assert "script" not in reader.tags
    assert "<b onload" not in html
    assert "<script>alert(1)</script>" in reader.text


def test_a_report_of_the_baseline_alone_is_possible(tmp_path: Path) -> None:
    """With nothing to compare, the report shows the one model and no drawing of differences."""
    path = tmp_path / "time.html"
    write(path, result("popular-recent", 0.1))
    _, reader = read(path)
    assert "No model does better than" in reader.text
    assert reader.tags.count("svg") == 3


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    """A report that cannot be made leaves the earlier file as it was, and nothing beside it."""
    path = tmp_path / "time.html"
    write(path, result("popular-recent", 0.1))
    before = path.read_bytes()
    with pytest.raises(NotComparableError):
        write(path, result("ease", 0.3))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["time.html"]


def test_a_report_says_what_could_be_chance_and_what_parts_are_worth(tmp_path: Path) -> None:
    """Corrected values stand beside every difference, and a model beside itself without a part gets its own table."""
    path = tmp_path / "time.html"
    write(path, result("popular-recent", 0.1), result("blend", 0.3), result("blend-without-ials", 0.2))
    _, reader = read(path)
    for words in ("Could it be chance?", "0.0002", "What each part of blend is worth", "+0.1000"):
        assert words in reader.text
    assert reader.tags.count("svg") == 5
    write(path, result("popular-recent", 0.1), result("ease", 0.3))
    assert "What each part of" not in read(path)[1].text


def test_a_report_shows_the_unbiased_metric_and_what_lists_hold(tmp_path: Path) -> None:
    """Where it was measured, the unbiased sibling of the leading metric has a plot, and list metrics their columns."""
    path = tmp_path / "time.html"
    both = []
    for one in (result("popular-recent", 0.1), result("ease", 0.3)):
        per_user = {**one.per_user, "ndcg_unbiased@10": one.per_user["ndcg@10"] / 2}
        lists = {**one.lists, "popularity_lift@10": 0.25, "diversity@10": 0.5}
        both.append(Scores(**{**one.__dict__, "per_user": per_user, "lists": lists}))
    write(path, *both)
    _, reader = read(path)
    for words in ("unbiased nDCG@10", "0.1500", "+25%", "Diversity@10"):
        assert words in reader.text
    assert reader.tags.count("svg") == 5
