"""The catalogue of features, and the commands that look at what is served."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from movie_mlops.core.nouns import Workspace
from movie_mlops.features import VIEWS
from movie_mlops.state import Database, StateConfig
from tests.fixtures.stage_4.command_line import CommandLine, copied


@pytest.fixture
def command(finished: CommandLine, tmp_path: Path) -> CommandLine:
    return copied(finished, tmp_path)


def test_the_catalogue_has_every_feature(command: CommandLine) -> None:
    """Every view and feature is on the page with its meaning, where it comes from, how fresh it is and how spread."""
    done = command("features", "catalogue")
    assert (done.code, done.err) == (0, "")
    page = (command.home / "reports" / "sample" / "features.html").read_text()
    for view in VIEWS:
        assert f'<h2 id="{view.name}">' in page
        assert view.digest()[:12] in page
        for feature in view.features:
            assert f"<h3>{feature.name}</h3>" in page
            assert feature.aggregation.name in page
    assert "60 features, <span>every row is fresh.</span>" in page
    assert "<b>interactions</b><small>version 0</small>" in page
    assert "film, user, user and film</small>" in page
    assert page.count("from the user's row") == page.count("from the user's history") == 1
    assert page.count('<svg class="spread"') > 40
    assert not re.search(r"https?://(?!www\.w3\.org)", page)


def test_the_catalogue_says_what_is_too_old(command: CommandLine) -> None:
    """Rows beyond their time-to-live are counted at the top, with the command that refreshes them."""
    database = Database(StateConfig(Workspace(command.home, "sample").state_url))
    with database.write() as connection:
        connection.execute(text("UPDATE online_rows SET written_at = 0 WHERE view = 'user_features'"))
    database.close()
    assert command("features", "catalogue").code == 0
    page = (command.home / "reports" / "sample" / "features.html").read_text()
    assert re.search(r"3,000 of 4,\d+ rows <span>are out of date", page)
    read = command("features", "read", "user_features:ratings", "u00001")
    assert (read.code, "stale" in read.out) == (1, True)
    assert "Everything was made anew" in command("features", "materialise", "--all").out
    assert command("features", "read", "user_features:ratings", "u00001").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user_featurs", "u00001"), "There is no view 'user_featurs'. Did you mean 'user_features'?"),
        (("film_features", "Heat"), "'Heat' is no film. Give a film's number."),
        (("film_features", "u00001,4"), "'u00001,4' is no film. Give a film's number."),
        (
            ("match_features", "u00001"),
            "'u00001' is no user and film. Give a film's number, after the user and a comma.",
        ),
        (("match_features", "4"), "'4' is no user and film. Give a film's number, after the user and a comma."),
        (("match_features", ",4"), "',4' is no user and film."),
    ],
)
def test_what_cannot_be_read_is_said(finished: CommandLine, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """A view or a key that is none is one sentence and the next step."""
    done = copied(finished, tmp_path)("features", "read", *words)
    assert (done.code, done.out) == (1, "")
    assert said in done.err
