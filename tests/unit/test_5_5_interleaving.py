"""Two models in one list: fair to both, one vote for each person."""

import numpy as np

from movie_mlops.evaluation.experiments import credit, draft, preference

FIRST = (1, 2, 3, 4, 5, 6)
SECOND = (6, 3, 1, 7, 8, 9)


def test_a_draft_takes_turns_from_the_top() -> None:
    """In each round both put their best film that is not there yet; who begins is a coin, and the first pick is its."""
    begins = set()
    for seed in range(50):
        drafted = draft(FIRST, SECOND, 6, np.random.default_rng(seed))
        assert len(set(drafted.items)) == 6
        assert [sorted(drafted.teams[place : place + 2]) for place in (0, 2, 4)] == [[0, 1]] * 3
        begins.add(drafted.teams[0])
        for team, ranking in enumerate((FIRST, SECOND)):
            own = [item for item, of in zip(drafted.items, drafted.teams, strict=True) if of == team]
            assert own == sorted(own, key=ranking.index)
        assert drafted.items[0] == (FIRST[0], SECOND[0])[drafted.teams[0]]
    assert begins == {0, 1}


def test_a_ranking_that_ends_lets_the_other_go_on() -> None:
    """Whoever has no film left chooses no more; where both have none the list ends."""
    drafted = draft((1,), SECOND, 6, np.random.default_rng(0))
    assert sorted(drafted.items) == [1, 3, 6, 7, 8, 9]
    assert draft((1, 2), (2, 1), 5, np.random.default_rng(0)).items in {(1, 2), (2, 1)}


def test_more_taken_films_win_a_list() -> None:
    """One of the first's against none wins for it, as many of each for nobody."""
    items, teams = (1, 6, 2, 3), (0, 1, 0, 1)
    assert credit(items, teams, {1}) == 1
    assert credit(items, teams, {6, 3}) == -1
    assert credit(items, teams, {1, 6}) == 0
    assert credit(items, teams, {99}) == 0


def votes(rng: np.random.Generator, people: int, lift: float) -> np.ndarray:
    """Return int64[people]: whom each speaks for, where a film of the second's is taken ``lift`` more often."""
    rankings = [rng.permutation(30)[:10] for _ in range(2)]
    found = []
    for _ in range(people):
        drafted = draft(tuple(rankings[0].tolist()), tuple(rankings[1].tolist()), 10, rng)
        chance = np.where(np.array(drafted.teams) == 1, 0.1 + lift, 0.1) / np.sqrt(np.arange(1, 11))
        taken = {item for item, is_taken in zip(drafted.items, rng.random(10) < chance, strict=True) if is_taken}
        found.append(credit(drafted.items, drafted.teams, taken))
    return np.array(found)


def test_equal_models_are_not_told_apart_however_often_one_looks() -> None:
    """Promise P15: 100 comparisons of equals, looked at after every tenth person: alpha at most are decided."""
    rng = np.random.default_rng(15)
    every = votes(rng, 100 * 200, 0.0).reshape(100, 200)
    wins, losses = ((every == side).cumsum(axis=1)[:, 9::10] for side in (1, -1))
    decided = [
        any(preference(int(w), int(n), 0.05).p_value <= 0.05 for w, n in zip(run_wins, run_losses, strict=True))
        for run_wins, run_losses in zip(wins, losses, strict=True)
    ]
    assert sum(decided) <= 100 * 0.05 + 3 * 2.2


def test_the_better_model_is_found() -> None:
    """Where people take the second's films half as often again, a thousand of them are enough to say so."""
    found = votes(np.random.default_rng(2), 1000, 0.05)
    told = preference(int((found == 1).sum()), int((found == -1).sum()), 0.05)
    assert told.high < 0.5
    assert told.p_value < 0.05
    assert told.share is not None
    assert told.low < told.share < told.high


def test_without_a_vote_nothing_is_said() -> None:
    """Nobody has voted: no share, every share possible."""
    told = preference(0, 0, 0.05)
    assert told.to_json() == {"wins": 0, "losses": 0, "share": None, "low": 0.0, "high": 1.0, "p_value": 1.0}
