"""Verdicts: what drifted is named and why; what cannot be judged is named too, and is never an alarm."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.monitoring.drift import (
    DriftConfig,
    DriftError,
    Finding,
    Group,
    Reference,
    Verdict,
    judge,
    together,
    write_report,
)
from movie_mlops.settings import read_monitoring
from tests.conftest import REPOSITORY

STARS = np.array([0.5, 1.0, 2.0, 3.0, 3.5, 4.0, 4.5, 5.0])


def rows(many: int = 3_000, seed: int = 0) -> pl.DataFrame:
    """Return rows of every kind of column."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "stars": rng.choice(STARS, many),
            "seconds": rng.lognormal(4, 1, many),
            "kind": rng.choice(["rating", "like", "watch"], many, p=[0.7, 0.2, 0.1]),
            "constant": np.full(many, 3.25),
            "nothing": pl.Series([None] * many, dtype=pl.Float64),
            "some": np.where(rng.random(many) < 0.2, np.nan, rng.normal(size=many)),
        }
    )


def reference(frame: pl.DataFrame | None = None, **options: object) -> Reference:
    return Reference.of([Group("rows", [rows() if frame is None else frame], **options)], days=28)


def said(live: pl.DataFrame, **options: object) -> Verdict:
    return judge(reference(), [Group("rows", [live])], **options)


def one(verdict: Verdict, column: str, aspect: str = "spread") -> Finding:
    return next(each for each in verdict.findings if (each.column, each.aspect) == (column, aspect))


def test_the_same_audience_is_no_drift() -> None:
    """New rows of the same kind are none, and the sentence says how many features that goes for."""
    verdict = said(rows(seed=1))
    assert verdict.outcome == "none"
    assert verdict.sentence == "No drift: none of 4 features differs by more than matters."
    assert {each.column: each.reason for each in verdict.unjudged} == {
        "constant": "nearly all rows have the same value, then and now",
        "nothing": "no row has a value",
    }


@pytest.mark.parametrize(
    ("column", "factor", "note"),
    [
        ("stars", 2.0, "as if multiplied by 2"),
        ("seconds", 1000.0, "as if multiplied by 1,000"),
        ("seconds", 1 / 60, "as if divided by 60"),
    ],
)
def test_a_change_of_unit_is_named(column: str, factor: float, note: str) -> None:
    """Ratings of 1 to 10 where they were 0.5 to 5, milliseconds, minutes: the factor is said."""
    verdict = said(rows(seed=2).with_columns(pl.col(column) * factor))
    assert [each.column for each in verdict.drifting] == [column]
    assert one(verdict, column).note.startswith(note)
    assert note in verdict.sentence


def test_what_is_no_change_of_unit_is_not_called_one() -> None:
    """Numbers that are shifted, or a little greater, drift without a factor."""
    for changed in (pl.col("seconds") + 400, pl.col("seconds") * 1.7):
        found = one(said(rows(seed=3).with_columns(changed)), "seconds")
        assert found.status == "drift"
        assert not found.note


def test_values_that_go_missing_are_told_with_their_shares() -> None:
    """A column that loses a third of its values drifts by that; one that loses all of them does so, too."""
    lost = pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.col("stars")).alias("stars")
    found = one(said(rows(seed=4).with_columns(lost)), "stars", "without a value")
    assert found.status == "drift"
    assert found.note == "0.0% of the rows had no value, 33.3% have none now"
    assert found.low < 1 / 3 < found.high
    verdict = said(rows(seed=4).with_columns(pl.lit(None, pl.Float64).alias("stars")))
    assert one(verdict, "stars", "without a value").status == "drift"
    assert one(verdict, "stars").reason == "no row has a value any more"


def test_names_that_nobody_had_met_are_told() -> None:
    """A quarter of rows of a new kind is drift, and the kind is named; a few of them are not."""
    many = pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("review")).otherwise("kind").alias("kind")
    found = one(said(rows(seed=5).with_columns(many)), "kind", "new names")
    assert (found.status, found.note) == ("drift", "review")
    few = pl.when(pl.int_range(pl.len()) % 50 == 0).then(pl.lit("review")).otherwise("kind").alias("kind")
    assert said(rows(seed=5).with_columns(few)).outcome == "none"


def test_names_so_rare_that_new_ones_are_usual_are_no_alarm() -> None:
    """Where each name comes a few times, a window has new names without any drift."""
    rng = np.random.default_rng(6)
    titles = [f"title {number}" for number in range(150)]
    known = reference(pl.DataFrame({"title": rng.choice(titles, 150)}))
    for _ in range(30):
        verdict = judge(known, [Group("rows", [pl.DataFrame({"title": rng.choice(titles, 200)})])])
        assert not verdict.drifting
    # Sixty names that are alike: the thirty that came the most would be found to have become rarer since.
    equal, plain, alarms = [f"name {number}" for number in range(60)], DriftConfig(smallest=0.0), 0
    for _ in range(30):
        before, now = (Group("rows", [pl.DataFrame({"name": rng.choice(equal, 1_500)})]) for _side in range(2))
        alarms += judge(Reference.of([before], days=1), [now], config=plain).outcome == "drift"
    assert alarms <= 5


ODD = {
    "ten rows": rows(10, seed=7),
    "no rows": rows(0, seed=7),
    "one row": rows(1, seed=7),
    "all without a value": rows(seed=7).select(pl.lit(None).alias(name) for name in rows(1).columns).head(1),
    "no such columns": pl.DataFrame({"other": [1.0] * 500}),
    "numbers that are none": rows(40, seed=7).with_columns(pl.lit(float("inf")).alias("stars")),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_windows_cannot_be_judged_and_are_no_alarm(name: str) -> None:
    """Ten rows, none, nothing but gaps, other columns: each feature says why it cannot be judged."""
    verdict = said(ODD[name])
    assert verdict.outcome == "cannot be judged"
    assert verdict.sentence.startswith("Drift cannot be judged: ")
    assert all(each.reason for each in verdict.findings)
    assert len(verdict.findings) == 6


def test_a_column_that_holds_something_else_now_is_named() -> None:
    """Numbers that have become names, and ids, cannot be judged; dates are refused with the column's name."""
    verdict = said(rows(seed=8).with_columns(pl.col("stars").cast(pl.String)))
    assert one(verdict, "stars").reason == "it held numbers and holds names now"
    ids = pl.DataFrame({"kind": [f"id {number}" for number in range(25_000)]})
    assert one(said(ids), "kind").reason == "it has too many different names, as ids have"
    with pytest.raises(DriftError, match="rows, at: A column of Date can be compared neither"):
        reference(pl.DataFrame({"at": pl.Series([0]).cast(pl.Date)}))
    two = Group("rows", [pl.DataFrame({"x": [1.0]}), pl.DataFrame({"x": ["a"]})])
    with pytest.raises(DriftError, match="numbers in one batch and names in another"):
        Reference.of([two], days=1)


def test_windows_of_another_length_do_not_judge_what_depends_on_it() -> None:
    """What users do in a week is not compared with what they did in four; what they say is."""
    known = together(reference(of_length=True), Reference.of([Group("words", [rows()])], days=28))
    live = [Group("rows", [rows(seed=9)], of_length=True), Group("words", [rows(seed=10)])]
    verdict = judge(known, live, days=7)
    reasons = {each.reason for each in verdict.findings if each.group == "rows"}
    assert reasons == {"the window has 7 days, and the reference had 28"}
    assert {each.group for each in verdict.judged} == {"words"}
    assert {each.group for each in judge(known, live, days=27.5).judged} == {"rows", "words"}
    with pytest.raises(DriftError, match="a group of one name"):
        together(reference(), reference())


def test_what_a_bundle_remembers_is_read_whole_or_refused() -> None:
    """Another format, and anything that is none of ours, is refused with the next step."""
    raw = reference().to_bytes()
    for broken in (b"", b"[]", raw[:-40], raw.replace(b'"edges"', b'"edgse"')):
        with pytest.raises(DriftError, match="cannot be read") as refused:
            Reference.from_bytes(broken)
        assert "movie-mlops run" in refused.value.next_step
    with pytest.raises(DriftError, match="has format 9, and this version reads 1"):
        Reference.from_bytes(raw.replace(b'"format":1', b'"format":9'))


def test_the_configuration_says_what_the_code_does_without_and_refuses_nonsense(tmp_path: Path) -> None:
    """The part ``drift`` of ``config/monitoring.yaml`` is complete; a rate of 2 or three users are refused."""
    assert read_monitoring(REPOSITORY / "config" / "monitoring.yaml").drift == DriftConfig()
    for line, why in (("rate: 2", "a share above 0"), ("least: 3", "fewer tell nothing"), ("raet: 0.1", "rate")):
        (tmp_path / "monitoring.yaml").write_text(f"drift: {{{line}}}\n")
        with pytest.raises((ConfigurationError, DriftError)) as refused:
            read_monitoring(tmp_path / "monitoring.yaml")
        assert why in f"{refused.value.problem} {refused.value.next_step}"


def test_the_report_is_one_page_with_plots_first_and_escapes_names(tmp_path: Path) -> None:
    """The page needs nothing beside it, begins with the verdict, and shows a name as text, whatever it is."""
    planted = "<script>alert(1)</script>"
    live = rows(seed=11).with_columns(pl.lit(planted).alias("kind"), pl.col("stars") * 2)
    verdict = said(live)
    write_report(tmp_path / "drift.html", verdict, facts={"Live": {"rows": 3000}}, command="movie-mlops monitor drift")
    page = (tmp_path / "drift.html").read_text()
    assert planted not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.index(verdict.short_sentence) < page.index("<svg") < page.index("<table")
    assert page.count("<svg") == 1 + len([each for each in verdict.drifting if each.cells])
    assert re.search(r"nearly all rows have the same value", page)
    nothing = judge(reference(), [])
    write_report(tmp_path / "nothing.html", nothing, facts={}, command="movie-mlops monitor drift")
    assert "cannot be judged" in (tmp_path / "nothing.html").read_text()
