"""The parts of a replay: what lists are held to, the rivals, the intervals, what is read of a history."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from movie_mlops.core.errors import ConfigurationError
from movie_mlops.core.progress import SILENT
from movie_mlops.features import FeedbackConfig
from movie_mlops.flows.errors import FlowError
from movie_mlops.flows.replay import ReplayConfig, Replayed, read_history, write_replay_report
from movie_mlops.flows.replay.history import events_of
from movie_mlops.flows.replay.outcome import ARMS, AT, FROZEN, LOOP, RECENT, USER, WARM, Change, gain
from movie_mlops.flows.replay.report import verdict, waiting
from movie_mlops.flows.replay.rivals import Frozen, Known, Recent
from movie_mlops.ingest import IngestConfig, open_source
from movie_mlops.recommenders import create

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400


def test_a_list_is_worth_the_place_of_the_next_like() -> None:
    """First place 1, second 1/log2(3), not there 0: the nDCG of a list of which one film is right."""
    assert [gain([5, 6, 7], film) for film in (5, 6, 7, 8)] == pytest.approx([1.0, 0.6309, 0.5, 0.0], abs=1e-4)


def test_popularity_of_the_last_days_forgets_and_leaves_out_what_was_met() -> None:
    """Only likes of the window count, not those at its edge; equals by all time; no film that was met comes again."""
    recent, known = Recent(10), Known()
    rows = [("a", 1, 1.0, 0), ("b", 1, 1.0, 1), ("c", 2, 1.0, 9 * DAY), ("d", 3, 0.0, 9 * DAY)]
    recent.add(rows)
    known.add(rows)
    assert recent.best("x", known, 5) == [1, 2]
    assert recent.best("a", known, 5) == [2]
    recent.add([("e", 4, 1.0, 10 * DAY + 1)])
    assert recent.best("x", known, 5) == [2, 4, 1]
    assert recent.of_all_time() == [1, 2, 4]


def test_the_model_that_never_learns_is_asked_with_all_that_is_known() -> None:
    """It answers by what a user likes now, leaves out what they met, and knows no film that came after it."""
    likes = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    model = create("ease", {"regularisation": 1.0})
    model.fit(sparse.csr_array(likes))
    frozen, known = Frozen((model, np.array([10, 20, 30, 40])), [30, 10, 20, 40]), Known()
    assert frozen.best("ann", known, 2) == [30, 10]
    known.add([("ann", 10, 1.0, 5), ("ann", 99, 1.0, 6)])
    assert frozen.best("ann", known, 1) == [20]
    known.add([("ann", 20, 0.0, 7)])
    assert 20 not in frozen.best("ann", known, 3)
    # A like that is taken back is none any more; then what was popular is left, without what was met.
    known.add([("ann", 10, 0.0, 8), ("ann", 99, 0.0, 8)])
    assert frozen.best("ann", known, 2) == [30, 40]


def test_before_a_first_model_everybody_is_held_to_what_was_popular() -> None:
    """Where the gate let no model pass, what is never retrained is what was liked most when the history began."""
    frozen, known = Frozen(None, [30, 10, 20]), Known()
    known.add([("ann", 10, 1.0, 5)])
    assert frozen.best("ann", known, 2) == [30, 20]
    assert frozen.best("bob", known, 2) == [30, 10]


def replayed(loop: float, seed: int = 0, users: int = 60, waited: int = 0) -> Replayed:
    """Return an outcome in which the loop is so much better, by user."""
    rng = np.random.default_rng(seed)
    own = np.repeat(rng.random(users), 4)
    judgements = pl.DataFrame(
        {
            USER: [f"u{number // 4}" for number in range(4 * users)],
            AT: [START + timedelta(hours=number) for number in range(4 * users)],
            WARM: [number % 4 > 0 for number in range(4 * users)],
            LOOP: own + loop + 0.01 * rng.normal(size=4 * users),
            FROZEN: own,
            RECENT: own / 2,
        }
    )
    change = Change(START + timedelta(hours=100), 500, 100, "ease-0123456789ab")
    return Replayed("made-up", 1_000, 4 * users, judgements, waited, 1.0, [change], [], 1.0)


def test_a_lead_is_known_by_users_that_are_drawn_again() -> None:
    """What all users share cancels out: a lead of 0.02 is certain, one of nothing is not, a loss is told as one."""
    assert replayed(0.02).leads()[FROZEN].above_zero
    assert replayed(-0.02).leads()[FROZEN].below_zero
    even = replayed(0.0).leads()[FROZEN]
    assert even.low < 0 < even.high
    assert "worse than never retrained" in verdict(replayed(-0.02))
    assert "not certainly other than never retrained" in verdict(replayed(0.0))
    assert "better than popular lately" in verdict(replayed(0.02))
    whole, warm = replayed(0.02).worth(), replayed(0.02).worth(warm=True)
    assert whole.keys() == warm.keys() == set(ARMS)
    document = replayed(0.02).to_json()
    assert (document["lists"], document["users"], len(document["curve"])) == (240, 60, 30)
    assert document["curve"][-1]["lists"] == 239
    assert (document["lists_of_known"], document["known_users"]) == (180, 60)


@pytest.mark.parametrize(
    ("waited", "sentence"),
    [
        (0, None),
        (90, "The gate let a first model pass after 90 lists; until then they held what is popular."),
        (240, "The gate let no model pass: every list held what is popular."),
    ],
)
def test_a_replay_says_how_long_there_was_no_model(tmp_path: Path, waited: int, sentence: str | None) -> None:
    """In a sentence, in the page and as plain data; nothing is said where a model served from the start."""
    found, path = replayed(0.02, waited=waited), tmp_path / "replay.html"
    assert waiting(found) == sentence
    assert found.to_json()["lists_without_a_model"] == waited
    write_replay_report(path, found, ReplayConfig(), command="movie-mlops events replay")
    assert ("The gate let" in path.read_text()) is (sentence is not None)
    assert sentence is None or sentence in path.read_text()


def test_the_report_draws_the_curve_and_where_models_changed(tmp_path: Path) -> None:
    """One page with the verdict, the three curves, a line at each release; the drawing lies beside it."""
    path = tmp_path / "replay.html"
    write_replay_report(path, replayed(0.02), ReplayConfig(), command="movie-mlops events replay")
    page = path.read_text()
    assert "The loop is better than never retrained" in page
    assert all(arm in page for arm in ARMS)
    drawing = path.with_suffix(".svg").read_text()
    assert drawing.startswith("<svg")
    assert drawing.count("stroke-dasharray") == 1
    assert "http-equiv" not in page


def test_a_history_is_read_through_the_contract_in_order_of_time(tmp_path: Path) -> None:
    """Rows without a time or a film stay out, the first part is past, the rest is told as the API takes it."""
    rows = [
        f"u{number % 5},{number % 7 + 1},{number % 5 + 1},{(START + timedelta(hours=50 - number)).isoformat()}"
        for number in range(40)
    ]
    (tmp_path / "told.csv").write_text(
        "user_id,movie_id,value,event_time\n" + "\n".join([*rows, "u1,1,5,", "u2,x,5,2026-01-01T00:00:00Z"])
    )
    source = open_source(f"file:{tmp_path / 'told.csv'}", downloads=tmp_path)
    history = read_history(source, IngestConfig(), FeedbackConfig(), begin=0.25, most=20, progress=SILENT)
    assert (history.past.height, history.lived.height) == (5, 15)
    times = [*history.past["event_time"], *history.lived["event_time"]]
    assert times == sorted(times)
    [first] = events_of(history.lived[:1])
    assert first.keys() == {"event_id", "user_id", "movie_id", "kind", "value", "event_time"}
    assert set(history.lived["weight"]) == {0.0, 1.0}
    (tmp_path / "timeless.csv").write_text("user_id,movie_id,value\nu1,1,5\nu2,2,5\n")
    timeless = open_source(f"file:{tmp_path / 'timeless.csv'}", downloads=tmp_path)
    with pytest.raises(FlowError, match="anybody knows when"):
        read_history(timeless, IngestConfig(), FeedbackConfig(), begin=0.5, most=None, progress=SILENT)


@pytest.mark.parametrize("wrong", [{"begin": 0.0}, {"batch": 1001}, {"speed": 0.0}, {"recent_days": 0.0}, {"k": 0}])
def test_what_cannot_be_lived_is_refused(wrong: dict[str, float]) -> None:
    """A share, a size or a speed out of range is refused before anything begins."""
    with pytest.raises(ConfigurationError):
        ReplayConfig(**wrong)  # type: ignore[arg-type]
