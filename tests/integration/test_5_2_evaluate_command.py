"""``movie-mlops evaluate`` on what a user may bring: a folder in an old layout, and a folder of folds."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from movie_mlops.cli.evaluate import app

MODELS = ("--model", "popular", "--model", "ease")
GENRES = 19


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder laid out as ml-100k is: two kinds of films and two kinds of people."""
    generator = np.random.default_rng(0)
    made = tmp_path_factory.mktemp("old") / "ml-100k-folder"
    made.mkdir()
    lines = []
    for user in range(1, 61):
        day = 880_000_000 + user * 40_000
        for film in generator.permutation(np.arange(1, 61))[:32].tolist():
            day += int(generator.integers(60, 90_000))
            lines.append(f"{user}\t{film}\t{5 if (film + user) % 2 == 0 else 2}\t{day}")
    (made / "u.data").write_text("\n".join(lines) + "\n", encoding="latin-1")
    films = [
        "|".join(
            [
                str(film),
                f"Film {film} (1990)",
                "01-Jan-1990",
                "",
                "",
                *["1" if g == film % 2 + 1 else "0" for g in range(GENRES)],
            ]
        )
        for film in range(1, 61)
    ]
    (made / "u.item").write_text("\n".join(films) + "\n", encoding="latin-1")
    (made / "u.user").write_text("".join(f"{user}|24|M|writer|85711\n" for user in range(1, 61)), encoding="latin-1")
    return made


def evaluated(home: Path, *words: str) -> dict[str, object]:
    done = CliRunner().invoke(app, [*words, "--home", str(home), "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    assert Path(str(found["report"])).is_file()
    return found


@pytest.mark.long
def test_a_source_is_brought_in_and_judged_by_every_protocol(folder: Path, tmp_path: Path) -> None:
    """A folder in the layout of ml-100k is loaded once and judged in each way; people's kinds are learnt at once."""
    source = f"movielens:{folder}"
    for protocol in ("time", "leave-one-out", "cold-users", "cold-films"):
        found = evaluated(tmp_path, "--source", source, "--protocol", protocol, *MODELS)
        rows = {row["model"]: row for row in found["standings"]}  # type: ignore[attr-defined]
        assert rows.keys() == {"popular", "ease"}
        assert "diversity@10" in rows["ease"]["lists"]
        if protocol != "cold-films":
            assert found["best"] == "ease"
            assert rows["ease"]["against_baseline"]["corrected"] < 0.05
            assert rows["ease"]["metrics"]["ndcg_unbiased@10"]["estimate"] > 0
    curve = evaluated(tmp_path, "--protocol", "learning-curve", "--dataset", "ml-100k-folder", *MODELS)
    assert curve["likes"] == [0, 1, 2, 5, 10]
    assert curve["better_from"] == {"ease": 1}


def test_without_the_future_less_is_learnt(folder: Path, tmp_path: Path) -> None:
    """The option reaches the split: fewer users are judged, since only the end of the data is predicted."""
    source = ("--source", f"movielens:{folder}", "--protocol", "leave-one-out", "--model", "popular")
    assert evaluated(tmp_path, *source)["judged"] == 60
    assert 0 < evaluated(tmp_path, *source, "--no-future")["judged"] < 60  # type: ignore[operator]


def test_any_folder_of_folds_is_judged(tmp_path: Path) -> None:
    """Folds of other data than the published, with names of any width, are judged and joined user by user."""
    generator = np.random.default_rng(1)
    pairs = [(f"user-{u}", f) for u in range(40) for f in generator.permutation(30)[:20].tolist() if (u + f) % 2]
    frame = pl.DataFrame(pairs, schema={"user_id": pl.String, "movie_id": pl.Int32}, orient="row")
    place = tmp_path / "own-folds"
    place.mkdir()
    frame.write_parquet(place / "dataset.parquet")
    deal = generator.integers(0, 12, frame.height)
    for number in (0, 1, 10):
        frame.filter(pl.Series(deal == number)).write_parquet(place / f"test_{number}.parquet")
    found = evaluated(tmp_path, "--protocol", "folds", "--path", str(place), *MODELS)
    assert found["case"] == "3 folds"
    assert found["best"] == "ease"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--no-future"], "--no-future belongs to --protocol leave-one-out"),
        (["--protocol", "folds", "--path", "x", "--source", "sample"], "--source and --path exclude each other"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: list[str], told: str, tmp_path: Path) -> None:
    """An option without its protocol is refused before anything is read."""
    done = CliRunner().invoke(app, [*words, "--home", str(tmp_path)])
    assert done.exit_code != 0
    assert told in str(done.exception)
