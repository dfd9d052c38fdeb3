"""The parts of the benchmark: which loads, and what is held against their figures."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from movie_mlops.bench.load import Plan
from movie_mlops.bench.serve.measuring import (
    EXPLAINED,
    PERSONALISED,
    Floor,
    Part,
    check_answers,
    like_lists,
    list_bodies,
)
from movie_mlops.bench.serve.process import resident_mb
from movie_mlops.bench.serve.reflecting import reflect_apart
from movie_mlops.bench.targets import at_least, at_most

_LISTS: Final = "/v1/recommendations"
_FILTERED: Final = "genres=Drama,Comedy&years=1950-"
_FLOOR: Final = "/healthz"
_CROWD: Final = 200
"""Connections of an overload: so many requests can stand in line at once."""


def answers(floor: Floor) -> Part:
    """Live answers of the main stage: alone, repeated, by the rate, as many as there can be, and after an event."""
    config, k = floor.config, floor.config.stage.k
    paths = floor.users(f"k={k}")
    part = Part(more={"checked": check_answers(floor.served.port, paths, k)})
    explained = (PERSONALISED, EXPLAINED)
    floor.warm(floor.plan(paths, *explained))
    live = _live(floor)
    nothing = floor.run("floor", "The framework's floor", floor.plan((_FLOOR,)))
    alone = floor.run("live", "Lists never seen before", live)
    known = floor.run("one-connection", "One connection", floor.plan(paths, *explained))
    again = floor.run("repeated", "The same again", floor.plan(paths[:1], *explained))
    full = floor.run("throughput", "As many as there can be", _busy(floor, live))
    crowded = floor.run("throughput-users", "The same of users", _busy(floor, floor.plan(paths, *explained)))
    opened = [
        floor.run(
            f"open-{rate:g}",
            f"{rate:g} requests a second",
            floor.plan(paths, *explained, rate=rate, connections=config.connections),
        )
        for rate in config.rates
    ]
    reflected = reflect_apart(floor)
    part.scenarios = [nothing, alone, known, again, full, crowded, *opened, reflected]
    part.hold(alone, p50=config.p50_ms, p99=config.p99_ms)
    part.hold(known, p50=config.p50_ms, p99=config.p99_ms)
    part.hold(again, p50=config.repeated_p50_ms)
    part.hold(reflected, p99=config.reflected_p99_ms)
    after = {**reflected, "name": "event-reflected, the list alone", "latency_ms": reflected["answered_ms"]}
    part.hold(after, p50=config.p50_ms, p99=config.p99_ms)
    part.more["ratio_to_floor"] = {
        name: round(known["latency_ms"][name] / nothing["latency_ms"][name], 2) for name in ("p50", "p99")
    }
    return part


def champion(floor: Floor) -> Part:
    """Answers of a blend: lists never seen before, and users with reasons."""
    config = floor.config
    limits = {"p50": config.champion_p50_ms, "p99": config.champion_p99_ms}
    live = _live(floor)
    floor.warm(live)
    alone = floor.run("champion", "A blend", live)
    part = _known(
        floor,
        "champion-explained",
        "A blend with reasons",
        query=f"k={config.champion.k}",
        k=config.champion.k,
        limits=limits,
    )
    part.scenarios.insert(0, alone)
    part.hold(alone, **limits)
    return part


def large(floor: Floor) -> Part:
    """Answers from a large catalogue, with filters and reasons; then how much memory that takes."""
    config, k = floor.config, floor.config.large.k
    part = _known(
        floor,
        "large",
        "A large catalogue",
        query=f"k={k}&{_FILTERED}",
        k=k,
        limits={"p99": config.large_p99_ms},
    )
    megabytes = resident_mb(floor.served.pid)
    part.more["memory_mb"] = megabytes
    part.targets.append(at_most("memory of the server with the large catalogue, MB", config.memory_mb, megabytes))
    return part


def overload(floor: Floor) -> Part:
    """Ask for several times what the server can do: what it admits is answered in time, and the rest refused."""
    config = floor.config
    # Lists of likes, of which there are many more than users: none is remembered when its turn comes again.
    lists = like_lists(floor.stage.movie_ids, config.lists, config.large.history, config.large.seed)
    bodies = list_bodies(lists, config.large.k, genres=["Drama", "Comedy"], years="1950-", explain=True)
    calm = floor.plan((_LISTS,), PERSONALISED, bodies=bodies)
    floor.warm(calm)
    full = floor.run("capacity", "As many as there can be", _busy(floor, calm))
    capacity = full["answered_per_second"]

    def at(name: str, title: str, times: float, connections: int) -> dict[str, Any]:
        rate = round(times * capacity, 1)
        plan = replace(calm, rate=rate, connections=connections, may_refuse=True)
        return floor.run(name, title, plan)

    # The first crowd makes room for as many connections, the second must need no more.
    at("crowd", "A crowd comes", config.times_capacity, _CROWD)
    before = resident_mb(floor.served.pid)
    crowd = at("overload", "More than there can be", config.times_capacity, _CROWD)
    after = resident_mb(floor.served.pid)
    calmed = at("recovered", "Calm again", 0.5, config.connections)
    part = Part([full, crowd, calmed])
    part.more["overload"] = {
        "times_capacity": config.times_capacity,
        "refused_share": round(crowd["refused"] / max(crowd["refused"] + crowd["requests"], 1), 4),
        "memory_mb": {"before": before, "after": after},
    }
    part.hold(crowd, p99=config.admitted_p99_ms)
    part.hold(calmed, p99=config.admitted_p99_ms)
    part.targets += [
        at_least("overload, of what it can do, share that it does", 0.5, _share(crowd, capacity)),
        at_most("overload, memory that it took, MB", config.growth_mb, round(after - before, 1)),
        at_most("recovered, refused", 0, calmed["refused"]),
    ]
    return part


def _known(floor: Floor, name: str, title: str, *, query: str, k: int, limits: Mapping[str, float]) -> Part:
    """Ask for the lists of users, with reasons, over one connection."""
    paths = floor.users(query)
    part = Part(more={"checked": check_answers(floor.served.port, paths, k)})
    plan = floor.plan(paths, PERSONALISED, EXPLAINED)
    floor.warm(plan)
    part.scenarios = [floor.run(name, title, plan)]
    part.hold(part.scenarios[0], **limits)
    return part


def _live(floor: Floor) -> Plan:
    """Return the load of lists that nobody has sent before, in a closed loop of one connection."""
    config = floor.config
    lists = like_lists(floor.stage.movie_ids, config.lists, config.stage.history, config.stage.seed)
    return floor.plan((_LISTS,), PERSONALISED, bodies=list_bodies(lists, config.stage.k))


def _busy(floor: Floor, plan: Plan) -> Plan:
    """Return the same load over connections that all ask again as soon as they are answered."""
    return replace(plan, connections=floor.config.connections)


def _share(scenario: dict[str, Any], capacity: float) -> float:
    done: float = scenario["answered_per_second"]
    return round(done / capacity, 3) if capacity else 0.0
