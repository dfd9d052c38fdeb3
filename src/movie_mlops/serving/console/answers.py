"""Stage 5 as an operator sees it: what serves, whether people get their own lists, and the ledger."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from movie_mlops.core import clock
from movie_mlops.release import Action
from movie_mlops.serving import conducting
from movie_mlops.serving.answered import usage
from movie_mlops.serving.console.glance import Glance, Need, state_of
from movie_mlops.serving.services import Services

HOURS: Final = 48
_MOST_RELEASES: Final = 50
_BY_HOUR: Final = "SELECT substr(at, 1, 13), source, count(*) FROM impressions WHERE at >= ? GROUP BY 1, 2"


def glance(services: Services) -> Glance:
    """Return serving at a glance."""
    model, failure = services.watcher.snapshot.model, services.watcher.failure
    needs = []
    if failure is not None:
        named = "The ledger" if failure.release is None else f"Release {failure.release.release_id}"
        needs.append(Need(f"{named} cannot be loaded: {failure.problem}", urgent=True))
    if services.watcher.unable is not None:
        needs.append(Need(f"What is rolled out cannot answer here: {services.watcher.unable}", urgent=True))
    if services.histories.degraded is not None:
        needs.append(Need(services.histories.degraded))
    if services.impressions.dropped:
        needs.append(Need(f"{services.impressions.dropped:,} answers were given and not kept: too many waited."))
    if model is None:
        if failure is None:
            needs.append(Need("Release a model: movie-mlops run", urgent=True))
        return Glance(5, "Serving", "releases", "bad", "No model serves", needs=tuple(needs))
    counts = by_hour(services, clock.now())
    today = [sources for _, sources in counts[-24:]]
    answers = sum(sum(sources.values()) for sources in today)
    own = sum(sources.get("personalised", 0) for sources in today)
    facts = {
        "model": model.release.model,
        "since": clock.ago(model.release.at),
        "answers, last day": f"{answers:,}",
        "personal": f"{own / answers:.0%}" if answers else "-",
    }
    going = services.rollouts.standing().rollouts
    if going:
        facts["rolled out"] = ", ".join(f"{each.name} ({each.share:.0%})" for each in going)
    return Glance(
        5, "Serving", "releases", state_of(needs), f"Release {model.release.release_id} serves", facts, tuple(needs)
    )


def releases(services: Services) -> dict[str, Any]:
    """Return the ledger, the newest release first, and what serves."""
    history = services.ledger.history()
    chain = services.ledger.verify()
    promotions = sum(1 if release.action is Action.PROMOTE else -1 for release in history)
    model, failure = services.watcher.snapshot.model, services.watcher.failure
    return {
        "releases": [
            (release, usage(services.database, [release.release_id])) for release in reversed(history[-_MOST_RELEASES:])
        ],
        "chain": chain,
        "champion": history[-1] if history else None,
        "loaded": None if model is None else model.release,
        "failure": failure,
        "can_go_back": promotions > 1,
        "hours": by_hour(services, clock.now()),
        "rollouts": [{**each, "rows": _rows(each.get("live", {}))} for each in conducting.live(services)],
    }


def _rows(live: Mapping[str, Any]) -> list[tuple[str, float, float, float]]:
    """Return what is known of a roll-out as values with their intervals: how much worse, or how much more pleased."""
    rows = []
    for guard in live.get("guards", ()):
        if guard["canary"] is not None and guard["control"] is not None:
            worse = guard["canary"] - guard["control"]
            value = -worse if guard["name"] == "pleased" else worse
            rows.append((f"{guard['name']}, worse by", value, guard["low"], guard["high"]))
    rows += [
        (f"{each['arm']}, more pleased by", each["pleased"] - each["against"], each["low"], each["high"])
        for each in live.get("comparisons", ())
        if each["pleased"] is not None and each["against"] is not None
    ]
    preference = live.get("preference")
    if preference and preference["share"] is not None:
        rows.append(("votes for the first", preference["share"], preference["low"], preference["high"]))
    return rows


def by_hour(services: Services, now: datetime) -> list[tuple[str, dict[str, int]]]:
    """Return how many answers were kept in each of the last hours, by source; hours without any too."""
    this = now.replace(minute=0, second=0, microsecond=0)
    hours = [clock.to_iso(this - timedelta(hours=back))[:13] for back in range(HOURS - 1, -1, -1)]
    found: dict[str, dict[str, int]] = {hour: {} for hour in hours}
    services.impressions.flush()
    for hour, source, count in services.database.fetch(_BY_HOUR, (hours[0],)):
        if hour in found:
            found[hour][source] = count
    return [(hour[11:] + ":00", found[hour]) for hour in hours]
