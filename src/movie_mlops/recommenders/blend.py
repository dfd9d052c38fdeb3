"""A blend: several recommenders, each user's scores of each brought to one scale and added up."""

from dataclasses import asdict, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from movie_mlops.core.progress import Advance
from movie_mlops.recommenders import expectation
from movie_mlops.recommenders.capabilities import Capabilities
from movie_mlops.recommenders.config import BlendParams
from movie_mlops.recommenders.errors import RestoreError
from movie_mlops.recommenders.expectation import learn_expectation
from movie_mlops.recommenders.inputs import Csr, Trained, Training
from movie_mlops.recommenders.occlusion import falls
from movie_mlops.recommenders.port import Recommender
from movie_mlops.recommenders.remembered import Remembered, digest_of
from movie_mlops.recommenders.stored import Arrays, Form, Layout
from movie_mlops.recommenders.without import History

_FADES = 1.5
"""After n likes, so strong a power of n divides what is expected: chosen inside the training part of a fold, where less
takes from those who have told much and more takes from those who have told little."""
_TRIED = 3
"""So many films are left out, one at a time, to see what each contributes to a target."""


class _Part(NamedTuple):
    """What a member says for the newest history.

    Attributes:
        deviation: Of its scores.
        centred: float32[known films], its scores less their mean; ``None`` where films differ in who knows them, and
            scores have to be asked for anew for whatever is left out.
    """

    deviation: np.float32
    centred: NDArray[np.float32] | None

    @property
    def scale(self) -> np.float32:
        """What brings the member's scores to deviation 1; 0 where all are equal."""
        return np.float32(1) / self.deviation if self.deviation > 0 else np.float32(0)


class BlendRecommender(Recommender):
    """Film j's score is ``Σ_m w_m (s_mj - mean(s_m)) / deviation(s_m)`` over the members m, plus its popularity's part.

    Each member takes what speaks against films as it does by itself, before its scores are brought to the scale.
    What a film of the history contributes is how much the score falls without it. That is tried on the few films that
    speak most for a target: by the members whose contributions sum to their scores, in the blend's scale, or, where no
    member is of that kind, by all that explain. The other films contribute 0.

    Members are brought to one scale by their scores of the films with likes, so that films that nobody has met change
    nothing among the others. A member that does not know such a film is taken to say of it what the others say, on
    average by their weights.

    What is expected of somebody by traits comes on top of all that, and loses its weight with each further like.
    """

    name = "blend"
    capabilities = Capabilities(
        personalised=True, needs_times=False, similar=True, explains=True, additive=False, composed=True
    )
    params_type = BlendParams
    params: BlendParams
    _reads_signs = True

    def __init__(self, params: BlendParams | None = None) -> None:
        super().__init__(params)
        self._weights = [member.weight for member in self.params.members]
        self._members = self._create()
        self._remembered: Remembered | None = None
        can = [member.capabilities for member in self._members]
        self.capabilities = Capabilities(
            personalised=any(one.personalised for one in can),
            needs_times=any(one.needs_times for one in can),
            similar=any(one.similar for one in can),
            explains=any(one.explains for one in can),
            reads_times=any(one.reads_times for one in can),
            reads_content=any(one.reads_content for one in can),
            scores_unseen=any(one.scores_unseen for one in can),
            explains_content=any(one.explains_content for one in can),
            reads_traits=self.params.expectation > 0,
            additive=False,
            composed=True,
            libraries=tuple(sorted({library for one in can for library in one.libraries})),
        )
        telling = [one.explains and one.additive for one in can]
        self._telling = telling if any(telling) else [one.explains for one in can]

    @property
    def parts(self) -> tuple[Recommender, ...]:
        """Its members."""
        return tuple(self._members)

    def remember_in(self, remembered: Remembered) -> None:
        """Ask the members for scores of histories that are not known yet alone.

        Args:
            remembered: Of blends that were trained on the same likes.
        """
        self._remembered = remembered

    def _fit(self, training: Training, advance: Advance) -> Arrays:
        likes = np.bincount(training.matrix.indices, minlength=training.matrix.shape[1])
        popularity = np.log(np.maximum(likes, 1)).astype(np.float32)[np.newaxis]
        arrays: Arrays = {"popularity": _standardised(popularity, _some(likes > 0))[0][0]}
        for position, member in enumerate(self._create()):
            there = next((one for one in training.trained if one.is_like(member)), None)
            if there is None:
                member.fit(training.matrix, times=training.times, content=training.content, engine=training.engine)
            learned = member.arrays() if there is None else _of_known(there)
            arrays |= {_key(position, name): array for name, array in learned.items()}
            advance(100 / len(self._members))
        if self.params.expectation:
            arrays |= learn_expectation(training.matrix, training.traits, self.params.trait_regularisation)
        return arrays

    def _layout(self, n_known: int) -> Layout:
        layout: dict[str, Form] = {"popularity": (np.float32, (n_known,))}
        if self.params.expectation:
            layout |= expectation.layout(n_known)
        for position, member in enumerate(self._members):
            for name, (kind, shape) in member.layout(n_known).items():
                # A member may know fewer films than the blend; when it is restored it looks at its arrays itself.
                lengths = tuple(None for _ in shape) if self.capabilities.scores_unseen else shape
                layout[_key(position, name)] = (kind, lengths)
        return layout

    def _adopt(self, learned: Arrays) -> None:
        from movie_mlops.recommenders.registry import restore  # noqa: PLC0415  # it knows the blend as well

        self._popularity: NDArray[np.float32] = learned["popularity"]
        self._who_likes = {name: learned[name] for name in expectation.layout(0) if name in learned}
        self._members = [
            restore(member.name, asdict(member.params), _of_member(learned, position))
            for position, member in enumerate(self._members)
        ]
        if not _cover(self._members, len(self._popularity)):
            raise RestoreError(
                "The members of the blend do not know its films.",
                next_step="Train the recommender again, or restore another bundle.",
            )
        self._met: NDArray[np.bool_] = np.logical_or.reduce([member.met for member in self._members])
        self._scale = _some(self._met)
        self._shares = _shares(np.array([member.known for member in self._members]), np.abs(self._weights))
        # Whether each member's scores of all films are all that the blend is made of.
        asked = any(member.capabilities.reads_traits for member in self._members)
        self._alike = self._shares is None and self._scale is None and not asked
        self._last: tuple[History, list[_Part]] | None = None

    def _expected(self, liked: NDArray[np.int64], traits: Csr | None) -> NDArray[np.float32] | None:
        if not self.params.expectation:
            return None
        brought, _ = _standardised(expectation.expected(self._who_likes, traits, len(liked)), self._scale)
        # Nothing is expected of films that nobody has met: not even that nobody likes them.
        brought[:, ~self._met] = 0
        counted: NDArray[np.float32] = (self.params.expectation * np.maximum(liked, 1) ** -_FADES).astype(np.float32)
        return brought * counted[:, np.newaxis]

    def _traits(self) -> int:
        return len(self._who_likes["expected_by_trait"]) if self._who_likes else 0

    def _traits_memory(self, n_items: int, n_traits: int) -> int:
        return expectation.memory_needed(n_items, n_traits)

    def _liked(self) -> NDArray[np.bool_]:
        return self._met

    def _score(self, histories: Csr) -> NDArray[np.float32]:
        return self._score_at(histories, None)

    def _score_at(self, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:
        blended = self._blended(self._parts(histories, times))
        blended[np.diff(histories.indptr) == 0] = 0
        return blended

    def _score_one(self, items: NDArray[np.int32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._score_one_at(items, weights, None)

    def _score_one_at(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], times: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        if not len(items):
            return np.zeros_like(self._popularity)
        if self._all_alike(weights):
            return self._sum_of_one((items, weights, times))[0]
        scores: NDArray[np.float32] = self._blended(self._parts_of_one((items, weights, times))[0])[0]
        return scores

    def _all_alike(self, weights: NDArray[np.float32]) -> bool:
        """Return whether likes alone are told, of films that all members know: then there is nothing to look at."""
        return self._alike and len(weights) > 0 and bool(weights.min() > 0)

    def _sum_of_one(self, history: History) -> tuple[NDArray[np.float32], list[_Part]]:
        """Return the blend's scores for such a history, float32[known films], and what each member says for it."""
        blended: NDArray[np.float32] = self._popularity * np.float32(self.params.popularity)
        parts = []
        for weight, member in zip(self._weights, self._members, strict=True):
            # Past its door: what was looked at once is not looked at again for each member.
            scores = member._score_one_at(*history)  # noqa: SLF001 - another of its kind
            centred = scores - scores.sum() / np.float32(len(scores))
            part = _Part(np.sqrt(centred @ centred / np.float32(len(centred))), centred)
            parts.append(part)
            blended += np.float32(weight) * part.scale * centred
        # One assignment of something that is never changed: safe between threads.
        self._last = history, parts
        return blended, parts

    def _parts(self, histories: Csr, times: NDArray[np.int64] | None) -> list[NDArray[np.float32]]:
        """Return each member's scores on one scale: (users, known films) of each."""
        return self._filled([self._said_by(member, histories, times) for member in self._members])

    def _said_by(self, member: Recommender, histories: Csr, times: NDArray[np.int64] | None) -> NDArray[np.float32]:
        """Return one member's scores on one scale; what is remembered is handed out as a copy, for it may be filled."""

        def ask() -> NDArray[np.float32]:
            return _standardised(member.score(histories, times=times), self._scale)[0]

        if self._remembered is None:
            return ask()
        known = self._remembered.answers(f"{member.name} {member.params}", digest_of(histories, times), ask)
        return known if self._shares is None else known.copy()

    def _parts_of_one(self, history: History) -> tuple[list[NDArray[np.float32]], list[_Part]]:
        """Return the same for one history, (1, known films) of each member, and what each says for it."""
        items, weights, times = history
        scores = (member.score_one(items, weights, times=times)[np.newaxis] for member in self._members)
        brought = [_standardised(one, self._scale) for one in scores]
        filled = self._filled([scores for scores, _ in brought])
        parts = [_Part(deviation[0, 0], None) for _, deviation in brought]
        # One assignment of something that is never changed: safe between threads.
        self._last = history, parts
        return filled, parts

    def _filled(self, parts: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Let members that do not know a film say of it what the others say, in place."""
        if self._shares is not None:
            films, shares = self._shares
            said = sum(share * part[:, films] for share, part in zip(shares, parts, strict=True))
            for share, part in zip(shares, parts, strict=True):
                part[:, films] = np.where(share > 0, part[:, films], said)
        return parts

    def _blended(self, parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        blended: NDArray[np.float32] = np.tile(
            self._popularity * np.float32(self.params.popularity), (len(parts[0]), 1)
        )
        for weight, part in zip(self._weights, parts, strict=True):
            blended += np.float32(weight) * part
        return blended

    def _explain(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], targets: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        return self._explain_at(items, weights, targets, None)

    def _explain_at(
        self,
        items: NDArray[np.int32],
        weights: NDArray[np.float32],
        targets: NDArray[np.int32],
        times: NDArray[np.int64] | None,
    ) -> NDArray[np.float32]:
        said = self._said((items, weights, times), targets)
        strongest = np.argsort(-said, axis=1, kind="stable")[:, :_TRIED]
        tried = np.zeros(said.shape, np.bool_)
        tried[np.arange(len(tried))[:, np.newaxis], strongest] = True
        tried &= said > 0
        contributions = np.zeros(said.shape, np.float32)
        left_out = np.flatnonzero(tried.any(axis=0))
        if len(left_out):
            contributions[:, left_out] = self._falls((items, weights, times), targets, left_out)
        return np.where(tried, contributions, np.float32(0))

    def _falls(self, history: History, targets: NDArray[np.int32], left_out: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how much each target's score falls without each of some films: (targets, left out)."""
        items, weights, _ = history
        if len(items) == 1 or not self._all_alike(weights):
            return falls(self._score_at, history, targets, left_out, len(self._popularity))
        fallen = np.zeros((len(left_out), len(targets)), np.float32)
        for weight, member, part in zip(self._weights, self._members, self._newest(history), strict=True):
            assert part.centred is not None
            remains = member._remains(history, left_out, targets)  # noqa: SLF001 - another of its kind
            fallen += np.float32(weight) * (part.scale * part.centred[targets] - remains.standardised())
        return fallen.T

    def _said(self, history: History, targets: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what the members say that the films of a history contribute: (targets, items)."""
        items, weights, times = history
        contributions = np.zeros((len(targets), len(items)), np.float32)
        inside = self._all_alike(weights)
        for weight, member, part, tells in zip(
            self._weights, self._members, self._newest(history), self._telling, strict=True
        ):
            if not tells or not part.deviation > 0:
                continue
            if inside:
                told = member._explain_at(items, weights, targets, times)  # noqa: SLF001 - another of its kind
            else:
                told = member.explain_many(items, weights, targets.tolist(), times=times)
            contributions += np.float32(weight) * part.scale * told
        return contributions

    def _newest(self, history: History) -> list[_Part]:
        """Return what each member says for a history; the last are kept, since reasons follow scores."""
        last = self._last
        if last is not None and _same(last[0], history):
            return last[1]
        ask = self._sum_of_one if self._all_alike(history[1]) else self._parts_of_one
        return ask(history)[1]

    def _explain_content(
        self, items: NDArray[np.int32], weights: NDArray[np.float32], target: int
    ) -> NDArray[np.float32]:
        counted = self._counted(target)
        told = np.zeros(1, np.float32)
        newest = self._newest((items, weights, None))
        for weight, member, part in zip(counted, self._members, newest, strict=True):
            if member.capabilities.explains_content:
                parts = member.explain_content(items, weights, max(target, 0))
                told = told + (weight * part.scale if target >= 0 else np.float32(0)) * parts
        return told

    def _counted(self, target: int) -> NDArray[np.float32]:
        """Return what each member counts in a film's score, with what those say through it that do not know it."""
        weights = np.array(self._weights, np.float32)
        if self._shares is not None and target in self._shares[0]:
            share = self._shares[1][:, int(np.searchsorted(self._shares[0], target))]
            weights = np.where(share > 0, weights, 0) + share * weights[share == 0].sum()
        return weights

    def _similar(self, item: int) -> NDArray[np.float32]:
        """What the first member says that knows similar films."""
        first = next(member for member in self._members if member.capabilities.similar)
        return np.maximum(first.similarities(item), 0)

    def _memory_needed(self, n_users: int, n_items: int, nnz: int) -> int:
        # One after another, but what each has learned stays.
        return sum(member.memory_needed(n_users, n_items, nnz) for member in self._members)

    def _content_memory(self, n_items: int, n_features: int, n_facts: int) -> int:
        return sum(
            member.memory_needed(0, n_items, 0, n_features=n_features, n_facts=n_facts)
            - member.memory_needed(0, n_items, 0)
            for member in self._members
        )

    def _create(self) -> list[Recommender]:
        from movie_mlops.recommenders.registry import create  # noqa: PLC0415  # it knows the blend as well

        shared = {"seed": self.params.seed, "threads": self.params.threads}
        made = []
        for member in self.params.members:
            taken = {field.name for field in fields(create(member.model).params_type)}
            made.append(create(member.model, {**{n: v for n, v in shared.items() if n in taken}, **member.params}))
        return made


def _standardised(
    scores: NDArray[np.float32], of: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each row with mean 0 and deviation 1, and the deviations (rows, 1); a row of equals becomes zeros.

    With ``of`` mean and deviation are those of these columns alone.
    """
    mean = (scores if of is None else scores[:, of]).mean(axis=1, keepdims=True)
    centred = scores - mean
    judged = centred if of is None else centred[:, of]
    deviations = np.sqrt(np.einsum("ij,ij->i", judged, judged) / judged.shape[1])[:, np.newaxis]
    return np.divide(centred, deviations, out=np.zeros_like(centred), where=deviations > 0), deviations


def _of_known(member: Trained) -> Arrays:
    """Return a member's arrays as if its training had had no other films than the known ones."""
    arrays = member.arrays()
    known = np.arange(len(arrays["known_items"]), dtype=np.int32)
    return {**arrays, "n_items": np.array([len(known)], np.int64), "known_items": known}


def _some(chosen: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Return the places of what is chosen; None where that is all."""
    return None if chosen.all() else np.flatnonzero(chosen)


def _cover(members: list[Recommender], n_items: int) -> bool:
    """Return whether all are of so many films, and each film is known by one of them at least."""
    same = all(member.n_items == n_items for member in members)
    return same and bool(np.logical_or.reduce([member.known for member in members]).all())


def _shares(
    known: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    """Return the films that some members do not know, and which share each other member has in what is said of them.

    Args:
        known: bool[members, films]; each film is known by one of them at least.
        weights: Of each member, above zero.

    Returns:
        int64[some films] and float32[members, some films], 0 for who does not know a film; None where all know all.
    """
    films = np.flatnonzero(~known.all(axis=0))
    if not len(films):
        return None
    shares = known[:, films] * weights[:, np.newaxis]
    return films, (shares / shares.sum(axis=0)).astype(np.float32)


def _same(one: History, other: History) -> bool:
    return all(
        a is b or (a is not None and b is not None and np.array_equal(a, b)) for a, b in zip(one, other, strict=True)
    )


def _key(position: int, name: str) -> str:
    return f"member_{position}_{name}"


def _of_member(arrays: Arrays, position: int) -> Arrays:
    prefix = _key(position, "")
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
