"""How far invented users get: profiles are injected, the recipe is trained again, and the pushed film is looked for.

The profiles are those of Lam and Riedl (*Shilling Recommender Systems for Fun and Profit*, WWW 2004) and of Mobasher
et al. (*Toward Trustworthy Recommender Systems*, ACM TOIT 2007), as far as likes can tell them. Each likes the film
that is pushed, and has met as many others as the median user:

- ``random``: films drawn evenly, each liked as often as films are on the whole;
- ``average``: the same, each liked as often as that film is;
- ``bandwagon``: half of them the most liked films, all liked, the rest as in ``random``.

The *lift* is the share of the real users who have not met the film and find it in their top ten, after minus before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from movie_mlops.core.progress import SILENT, Progress
from movie_mlops.recommenders import Recommender, create, top_k
from movie_mlops.release.gates.audience import Audience
from movie_mlops.release.gates.config import Attack, RobustnessGate
from movie_mlops.release.gates.verdict import Check, Part, unjudged

NAME: Final = "robustness"

_LENGTH: Final = 10
_LEAST_LIKES: Final = 3


@dataclass(frozen=True)
class World:
    """What is attacked: some of the users and some of the films.

    Attributes:
        audience: The users, with the kept films alone.
        targets: The films that are pushed, by place among the kept ones.
    """

    audience: Audience
    targets: NDArray[np.int64]


@dataclass(frozen=True)
class Attacked:
    """What one attack achieved.

    Attributes:
        attack: The kind of profile.
        share: Invented users as a share of the real ones.
        target: The pushed film, by place.
        before: Share of the real users who find it without the attack.
        after: And with it.
    """

    attack: Attack
    share: float
    target: int
    before: float
    after: float

    @property
    def lift(self) -> float:
        """After minus before."""
        return self.after - self.before


def judge_robustness(
    model: str,
    params: Mapping[str, Any],
    audience: Audience,
    config: RobustnessGate,
    *,
    progress: Progress = SILENT,
) -> Check:
    """Attack a recipe and bound what the worst attack achieves.

    Args:
        model: Name of the recommender.
        params: Its parameters.
        audience: All real users.
        config: Attacks, shares, number of targets, sizes and the bound.
        progress: Told of each training.
    """
    if not config.attacks or not config.shares or not config.targets:
        return unjudged(NAME, "No attack of invented users is tried.")
    if create(model, params).capabilities.needs_times:
        return unjudged(NAME, f"No attack is tried on {model}, which rests on times that invented users may choose.")
    world = build_world(audience, config)
    users, films = world.audience.seen.shape
    if users < config.least_users or films < config.least_films or not world.targets.size:
        return unjudged(NAME, f"{users:,} users and {films:,} films are too few to try an attack of invented users on.")
    found = list(attacks(model, params, world, config, progress=progress))
    worst = max(found, key=lambda one: one.lift)
    parts = tuple(
        Part(
            f"{one.attack} {one.share:.0%}, film {number % world.targets.size + 1}",
            one.lift <= config.max_lift,
            one.lift,
            count=round(one.share * users),
        )
        for number, one in enumerate(found)
    )
    sampled = f"{users:,} of {len(audience):,} users and {films:,} of {audience.seen.shape[1]:,} films"
    sentence = (
        f"{worst.share:.0%} invented users ({worst.attack} profiles) bring a rare film to {worst.lift:.1%} of the users"
        f" who do not know it, in {_LENGTH} films each ({config.max_lift:.0%} allowed; tried on {sampled},"
        f" {world.targets.size} films pushed, {len(found)} attacks)."
    )
    passed = worst.lift <= config.max_lift
    return Check(NAME, passed, worst.lift, None, None, sentence, limit=config.max_lift, parts=parts)


def build_world(audience: Audience, config: RobustnessGate) -> World:
    """Draw the users, keep their most liked films, and choose the films that are pushed among the rare ones."""
    users = audience.sample(config.users, config.seed)
    likes = users.likes()
    kept = np.sort(np.argsort(-likes, kind="stable")[: config.films])
    kept = kept[likes[kept] > 0]
    small = Audience(users.user_ids, users.histories[:, kept], users.seen[:, kept])
    likes = likes[kept]
    known = np.flatnonzero(likes >= _LEAST_LIKES)
    rare = known[likes[known] <= np.median(likes[known])] if known.size else known
    generator = np.random.default_rng(config.seed)
    targets = generator.choice(rare, min(config.targets, rare.size), replace=False) if rare.size else rare
    return World(small, targets.astype(np.int64))


def attacks(
    model: str, params: Mapping[str, Any], world: World, config: RobustnessGate, *, progress: Progress = SILENT
) -> Iterator[Attacked]:
    """Make every configured attack on every target, one at a time."""
    real = world.audience
    total = 1 + len(config.attacks) * len(config.shares) * world.targets.size
    with progress.task("Attacking the recipe", total, "models") as advance:
        clean = create(model, params)
        clean.fit(real.histories)
        before = [_found(clean, real, int(target)) for target in world.targets]
        advance(1)
        for attack in config.attacks:
            for share in config.shares:
                for target, without in zip(world.targets, before, strict=True):
                    invented = profiles(attack, round(share * len(real)), int(target), real, config.seed)
                    attacked = create(model, params)
                    attacked.fit(sparse.csr_matrix(sparse.vstack([real.histories, invented])))
                    advance(1)
                    yield Attacked(attack, share, int(target), without, _found(attacked, real, int(target)))


def profiles(attack: Attack, users: int, target: int, real: Audience, seed: int) -> sparse.csr_matrix:
    """Return csr float32[users, items]: the likes of invented users who push a film.

    Args:
        attack: The kind of profile.
        users: How many.
        target: The film that is pushed.
        real: Whom they imitate.
        seed: Of everything that is drawn.
    """
    generator = np.random.default_rng(seed)
    likes, met = real.likes(), real.met()
    size = min(int(np.median(np.diff(real.seen.indptr))), likes.size - 1)
    others = np.setdiff1d(np.arange(likes.size), [target])
    overall = likes.sum() / max(1, met.sum())
    liked = likes / np.maximum(met, 1) if attack == "average" else np.full(likes.size, overall)
    famous = others[np.argsort(-likes[others], kind="stable")][: size // 2 if attack == "bandwagon" else 0]
    rest = np.setdiff1d(others, famous)
    rows = []
    for _ in range(users):
        drawn = generator.choice(rest, min(size - famous.size, rest.size), replace=False)
        drawn = drawn[generator.random(drawn.size) < liked[drawn]]
        rows.append(np.sort(np.concatenate([famous, drawn, [target]])))
    pointers = np.concatenate([[0], np.cumsum([row.size for row in rows])]).astype(np.int64)
    columns = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
    weight = float(np.median(real.histories.data)) if real.histories.nnz else 1.0
    values = np.full(columns.size, weight, dtype=np.float32)
    return sparse.csr_matrix((values, columns, pointers), shape=(users, likes.size))


def _found(model: Recommender, real: Audience, target: int) -> float:
    """Return the share of the users who have not met the film and find it in their list."""
    unmet = np.flatnonzero(real.seen[:, [target]].toarray()[:, 0] == 0)
    if not unmet.size:
        return 0.0
    lists = top_k(model.score(real.histories[unmet]), _LENGTH, exclude=real.seen[unmet])
    return float((lists == target).any(axis=1).mean())
