"""The closed loop: a model recommends, people answer, the answers become data, and the next model learns from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core import columns as c
from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.features.feedback import CONSUMED, feedback
from movie_mlops.recommenders import NO_ITEM, Recommender, create, top_k
from movie_mlops.simulation import measures
from movie_mlops.simulation.behaviour import Answers, answer, examination, find
from movie_mlops.simulation.config import LoopConfig, PopulationConfig
from movie_mlops.simulation.measures import Lists, Measured
from movie_mlops.simulation.population import Floats, Population, Truth, film_ids

# How far one film's likes may be made to weigh more or less than the others'.
_MOST_CORRECTION = 10.0


@dataclass(frozen=True)
class Generation:
    """What happened in one generation.

    Attributes:
        population: Who lived.
        truth: What was true.
        model: What recommended.
        scores: float32[users, films], by which it did; ``-inf`` for a film that the person had met.
        lists: int32[users, k], what was shown.
        propensities: float64[users, k], how probable each choice was given those above it.
        answers: What people did.
        measured: What the lists were worth.
        known: What had been said before the lists were made.
        exposure: float64[films], how often each film had been looked at before.
    """

    population: Population
    truth: Truth
    model: Recommender
    scores: NDArray[np.float32]
    lists: Lists
    propensities: Floats
    answers: Answers
    measured: Measured
    known: Sequence[pl.DataFrame]
    exposure: Floats


@dataclass
class _Memory:
    """What the loop knows so far.

    Attributes:
        seen: bool[users, films], what each living person has met.
        exposure: float64[films], how often each film was looked at.
        words: Everything that was said.
    """

    seen: NDArray[np.bool_]
    exposure: Floats
    words: list[pl.DataFrame] = field(default_factory=list)


def run(people: PopulationConfig, loop: LoopConfig, *, progress: Progress = SILENT) -> Iterator[Generation]:
    """Let generations pass.

    Args:
        people: Who lives.
        loop: What is done with their answers.
        progress: Told of each generation.

    Yields:
        Each generation in turn. Two runs with the same people differ in nothing but what the loop does.

    Raises:
        SimulationError: The catalogue has not so many films.
        RecommenderError: The model cannot be made, or cannot be trained on what people said.
    """
    # One stream per question, so that another loop meets the same people.
    streams = [np.random.Generator(np.random.PCG64(each)) for each in np.random.SeedSequence(people.seed).spawn(4)]
    of_people, of_finding, of_lists, of_answers = streams
    population = Population.begin(people, of_people)
    truth = population.truth()
    memory = _Memory(np.zeros(truth.match.shape, np.bool_), np.zeros(people.films))
    title = "Letting generations pass" if loop.is_guarded else "The same without a guard"
    with progress.task(title, people.generations, "generations") as advance:
        for _ in range(people.generations):
            newcomers = population.since == population.generation
            _find(population, truth, np.where(newcomers, loop.starting_films, loop.found_films), memory, of_finding)
            yield _generation(population, truth, loop, memory, of_lists=of_lists, of_answers=of_answers)
            advance(1)
            before = population
            population = population.next(of_people)
            truth = population.truth()
            memory.seen[population.people != before.people] = False


def _generation(
    population: Population,
    truth: Truth,
    loop: LoopConfig,
    memory: _Memory,
    *,
    of_lists: np.random.Generator,
    of_answers: np.random.Generator,
) -> Generation:
    model, scores = learn(population, loop, memory.words, memory.exposure)
    scores[memory.seen] = -np.inf
    lists, propensities = loop.policy.draw(scores, loop.k, of_lists)
    chance = examination(loop.k, loop.examination)
    answers = answer(population, truth, lists, chance, of_answers)
    measured = _measure(population, truth, scores=scores, lists=lists, answers=answers, seen=memory.seen, chance=chance)
    known, exposure = tuple(memory.words), memory.exposure.copy()
    _remember(population, answers.words, memory)
    shown = lists != NO_ITEM
    # How often a place is looked at is known on average; who looked, a log does not tell.
    looked = np.broadcast_to(chance, lists.shape)[shown]
    memory.exposure += np.bincount(lists[shown], weights=looked, minlength=memory.exposure.size)
    return Generation(population, truth, model, scores, lists, propensities, answers, measured, known, exposure)


def learn(
    population: Population, loop: LoopConfig, words: Sequence[pl.DataFrame], exposure: Floats
) -> tuple[Recommender, NDArray[np.float32]]:
    """Train on everything that was said, and score every film for those who live.

    Args:
        population: Who lives.
        loop: The model, what kinds weigh, and how far exposure is taken out.
        words: What was said, by everybody who ever lived.
        exposure: float64[films], how often each film was looked at.
    """
    frame = feedback(pl.concat(words).lazy(), loop.feedback)
    rows, columns, weights = _places(frame, population)
    shape = (int(population.people.max()) + 1, population.films.height)
    told = weights != 0
    said = sparse.csr_matrix((weights[told].astype(np.float32), (rows[told], columns[told])), shape=shape)
    liked = weights > 0
    corrected = (weights * _correction(exposure, loop.debias)[columns])[liked].astype(np.float32)
    train = sparse.csr_matrix((corrected, (rows[liked], columns[liked])), shape=shape)
    model = create(loop.model, loop.params)
    model.fit(train)
    scores = model.score(said[population.people])
    # Of whom the model knows nothing gets what is popular, as in serving.
    unknown = scores.max(axis=1) == scores.min(axis=1)
    scores[unknown] = np.bincount(train.indices, minlength=shape[1])
    return model, scores


def _correction(exposure: Floats, power: float) -> Floats:
    """Return float64[films]: what a like of each film weighs, so that being shown more does not count for more."""
    relative = exposure / max(float(exposure.mean()), np.finfo(float).tiny)
    # Nobody was ever shown it: its likes, found without the recommender, weigh the most.
    relative = np.clip(relative, 1 / _MOST_CORRECTION, _MOST_CORRECTION)
    correction: Floats = relative**-power
    return correction


def _places(frame: pl.DataFrame, population: Population) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return the person, the film (its row in the catalogue) and the weight of each row of feedback."""
    people = frame[c.USER_ID].str.slice(1).cast(pl.Int64).to_numpy()
    columns = np.searchsorted(film_ids(population), frame[c.MOVIE_ID].to_numpy())
    return people, columns, frame[c.WEIGHT].to_numpy().astype(np.float64)


def _find(population: Population, truth: Truth, count: Floats, memory: _Memory, rng: np.random.Generator) -> None:
    found, words = find(population, truth, count, memory.seen, rng)
    memory.exposure += found.sum(axis=0)
    _remember(population, words, memory)


def _remember(population: Population, words: pl.DataFrame, memory: _Memory) -> None:
    """Keep what was said, and who is done with which film: the platform's own rule."""
    done = words.filter(pl.col(c.KIND).is_in([kind.value for kind in CONSUMED]))
    row_of = np.empty(int(population.people.max()) + 1, np.int64)
    row_of[population.people] = np.arange(len(population.people))
    people = done[c.USER_ID].str.slice(1).cast(pl.Int64).to_numpy()
    memory.seen[row_of[people], np.searchsorted(film_ids(population), done[c.MOVIE_ID].to_numpy())] = True
    memory.words.append(words)


def _measure(
    population: Population,
    truth: Truth,
    *,
    scores: NDArray[np.float32],
    lists: Lists,
    answers: Answers,
    seen: NDArray[np.bool_],
    chance: Floats,
) -> Measured:
    people, films = scores.shape
    k = lists.shape[1]
    own = top_k(scores, k)
    utility = truth.utility
    reached = float(measures.list_utility(utility, lists, chance).mean())
    best = float(measures.list_utility(utility, measures.best_lists(utility, seen, k), chance).mean())
    left = np.maximum((~seen).sum(axis=1), 1)
    coverage, gini = measures.spread(own, films)
    shown_coverage, shown_gini = measures.spread(lists, films)
    return Measured(
        generation=population.generation,
        utility=reached,
        best_utility=best,
        chance_utility=float((np.where(seen, 0.0, utility).sum(axis=1) / left).mean() * chance.sum()),
        regret=1 - reached / best,
        ndcg=float(measures.true_ndcg(utility, lists, seen).mean()),
        coverage=coverage,
        gini=gini,
        shown_coverage=shown_coverage,
        shown_gini=shown_gini,
        diversity=measures.diversity(population, lists),
        overlap=measures.overlap(measures.exposure(own, films), people, k),
        watched=float(answers.watched.sum(axis=1).mean()),
        explored=measures.beyond(lists, own),
    )
