"""One list for several people."""

from collections.abc import Iterator

import numpy as np
import pytest

from movie_mlops.features import History
from movie_mlops.serving.group import GroupAnswer, Member, Strategy, recommend_group
from movie_mlops.serving.model import Snapshot
from movie_mlops.serving.recommend import Source, recommend
from movie_mlops.serving.scoring import score
from movie_mlops.serving.wishes import Wish
from tests.fixtures.stage_5.lists import NOBODY, history, ids, snapshot_of
from tests.fixtures.stage_5.platform import Platform

ANN, BOB = history(m6=1.0), history(m1196=1.0)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    yield snapshot_of(platform, "ease")
    platform.database.close()


def together(snapshot: Snapshot, strategy: Strategy, *histories: History, wish: Wish | None = None) -> GroupAnswer:
    members = [Member(f"member {i}", None, of) for i, of in enumerate(histories, start=1)]
    return recommend_group(snapshot, members, strategy, wish or Wish(k=4))


def scaled(snapshot: Snapshot, of: History) -> dict[int, float]:
    scores = score(snapshot, of).scores
    assert snapshot.model is not None
    return dict(zip(snapshot.model.movie_ids.tolist(), ((scores - scores.mean()) / scores.std()).tolist(), strict=True))


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_group_of_one_gets_what_they_alone_would(snapshot: Snapshot, strategy: Strategy) -> None:
    """For one person every strategy gives their own list."""
    assert ids(together(snapshot, strategy, ANN).answer) == ids(recommend(snapshot, ANN, Wish(k=4)))


@pytest.mark.parametrize(("strategy", "merge"), [(Strategy.AVERAGE, np.mean), (Strategy.LEAST_MISERY, np.min)])
def test_average_and_least_misery_are_mean_and_least(snapshot: Snapshot, strategy: Strategy, merge: object) -> None:
    """Each member's scores count the same; the order is that of their mean, or of the lowest."""
    ann, bob = scaled(snapshot, ANN), scaled(snapshot, BOB)
    left = [film for film in ann if film not in {6, 1196}]
    expected = sorted(left, key=lambda film: -merge([ann[film], bob[film]]))  # type: ignore[operator]
    assert ids(together(snapshot, strategy, ANN, BOB).answer) == expected[:4]


def test_least_misery_spares_whom_the_average_forgets(snapshot: Snapshot) -> None:
    """Where two of three have one taste, the lowest fit of the first film is better by least misery than on average."""
    three = (ANN, history(m47=1.0, m50=1.0), BOB)
    average = together(snapshot, Strategy.AVERAGE, *three, wish=Wish(k=1))
    spared = together(snapshot, Strategy.LEAST_MISERY, *three, wish=Wish(k=1))

    def least(answer: GroupAnswer) -> float:
        return min(fit for fit in answer.fits[0] if fit is not None)

    assert least(spared) >= least(average)


def test_fairness_gives_to_each_in_turn(snapshot: Snapshot) -> None:
    """The list as a whole gives whoever gets least at least as much as the average's list does."""
    three = (ANN, history(m47=1.0, m50=1.0), BOB)

    def worst(strategy: Strategy) -> float:
        films = ids(together(snapshot, strategy, *three, wish=Wish(k=3)).answer)
        return min(sum(scaled(snapshot, of)[film] for film in films) for of in three)

    assert worst(Strategy.FAIRNESS) >= worst(Strategy.AVERAGE)
    # By the definition: each place goes to the film with which whoever has got the least has got the most.
    left = [film for film in scaled(snapshot, ANN) if film not in {6, 47, 50, 1196}]
    worth = np.array([[scaled(snapshot, of)[film] for film in left] for of in three])
    worth = (worth - worth.min(axis=1, keepdims=True)) / np.ptp(worth, axis=1, keepdims=True)
    given, taken = np.zeros((3, 1)), []
    for _ in range(3):
        least = (given + worth).min(axis=0) + worth.mean(axis=0) / 1000
        least[taken] = -np.inf
        taken.append(int(np.argmax(least)))
        given += worth[:, taken[-1:]]
    fair = ids(together(snapshot, Strategy.FAIRNESS, *three, wish=Wish(k=3)).answer)
    assert fair == [left[place] for place in taken]
    assert fair != ids(together(snapshot, Strategy.AVERAGE, *three, wish=Wish(k=3)).answer)


def test_what_one_has_seen_is_seen(snapshot: Snapshot) -> None:
    """No member is shown what any of them met; the wish holds as for one."""
    both = together(snapshot, Strategy.AVERAGE, ANN, BOB, wish=Wish(k=8))
    assert not {6, 1196} & set(ids(both.answer))
    pinned = together(snapshot, Strategy.FAIRNESS, ANN, BOB, wish=Wish(k=2, pins=(4973,), diversity=0.2))
    assert ids(pinned.answer)[0] == 4973


def test_who_said_nothing_has_no_part_and_is_told(snapshot: Snapshot) -> None:
    """A member without a history changes nothing but what is told of them; a group of such gets what is popular."""
    alone = together(snapshot, Strategy.LEAST_MISERY, ANN)
    both = together(snapshot, Strategy.LEAST_MISERY, ANN, NOBODY)
    assert ids(both.answer) == ids(alone.answer)
    assert [member["personal"] for member in both.members] == [True, False]
    assert both.members[1]["note"] == "There is no history to go by."
    assert all(fits[1] is None for fits in both.fits)
    assert both.documents()[0]["reason"]["text"] == "Because member 1 liked Heat"
    nobody = together(snapshot, Strategy.AVERAGE, NOBODY, NOBODY)
    assert (nobody.answer.source, ids(nobody.answer)) == (Source.POPULAR, [260, 6, 50, 47])
    assert nobody.answer.note is not None
    assert nobody.answer.note.startswith("Nobody of the group has a history to go by")


def test_a_film_is_explained_by_whom_it_fits_best(snapshot: Snapshot) -> None:
    """The reason names the member whom the film fits best, and a film that this one liked."""
    answer = together(snapshot, Strategy.AVERAGE, ANN, BOB)
    for document, fits in zip(answer.documents(), answer.fits, strict=True):
        best = int(np.argmax(fits))
        assert document["fits"] == fits
        title = "Heat" if best == 0 else "The Empire Strikes Back"
        if document["reason"] is not None:
            assert document["reason"]["text"] == f"Because member {best + 1} liked {title}"
    assert any(document["reason"] for document in answer.documents())
    silent = together(snapshot, Strategy.AVERAGE, ANN, BOB, wish=Wish(k=2, explain=False))
    assert all(document["reason"] is None for document in silent.documents())
