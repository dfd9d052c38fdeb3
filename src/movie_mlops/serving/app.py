"""The app, made of what it is given: nothing is global, so two apps can live in one process."""

from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from movie_mlops import __version__
from movie_mlops.core.logs import LogLines
from movie_mlops.core.tracing import Tracer
from movie_mlops.features import FeedbackConfig, Histories, OnlineFeatures
from movie_mlops.release import Ledger, TrustList
from movie_mlops.release.rollout import Rollouts
from movie_mlops.security import (
    PRINCIPAL,
    Access,
    Accounts,
    AskedUsers,
    AuditLog,
    Buckets,
    CorsConfig,
    How,
    KeyRing,
    KeySecret,
    Limiter,
    Listener,
    MemoryLimiter,
    ProviderKeys,
    Refusals,
    Tokens,
)
from movie_mlops.security.people import People
from movie_mlops.serving import problems, schemes
from movie_mlops.serving.answering import Answering
from movie_mlops.serving.audited import Audited
from movie_mlops.serving.catalogue import Catalogue
from movie_mlops.serving.config import ServingConfig
from movie_mlops.serving.counting import Counting
from movie_mlops.serving.door import Door
from movie_mlops.serving.gathering import Gathering
from movie_mlops.serving.guard import Guard
from movie_mlops.serving.guarded import Guarded
from movie_mlops.serving.health import Health
from movie_mlops.serving.history import History
from movie_mlops.serving.impressions import Impressions
from movie_mlops.serving.lane import Lane, ReadBefore
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.ports import Conductor, EventSink, Operations, Records, Rights, Watched
from movie_mlops.serving.releases import ReleaseWatcher
from movie_mlops.serving.repeats import Repeats
from movie_mlops.serving.rounds import Rounds
from movie_mlops.serving.routes import admin, health, lists, movies, passports, recommendations, rollouts, rows
from movie_mlops.serving.routes import events as event_routes
from movie_mlops.serving.routes import rights as rights_routes
from movie_mlops.serving.routes.documents import mount_documents
from movie_mlops.serving.routes.pages import mount_pages
from movie_mlops.serving.rules import RuleBook
from movie_mlops.serving.services import Services
from movie_mlops.serving.shadowing import Shadowing
from movie_mlops.serving.shedding import Shedding
from movie_mlops.state import Database

_KEYS_SECONDS: Final = 0.5
"""So often the database is asked for new and revoked keys, and for accounts."""
_PROVIDER_SECONDS: Final = 5.0
"""So often it is looked whether the provider's keys have grown old."""
_DESCRIPTION: Final = """
Recommendations of films, each with its reason, its release and a passport.

Whatever is not personal says so in `source` and `note`. Errors are `application/problem+json`.
"""


def create_app(
    config: ServingConfig,
    *,
    database: Database,
    ledger: Ledger,
    bundles: Path,
    trust: TrustList,
    histories: Histories,
    events: EventSink,
    feedback: FeedbackConfig,
    load_catalogue: Callable[[], Catalogue],
    films_stand: Callable[[], Hashable] | None = None,
    features: OnlineFeatures | None = None,
    records: Records | None = None,
    conductor: Conductor | None = None,
    operations: Operations | None = None,
    watched: Watched | None = None,
    people: People | None = None,
    rights: Rights | None = None,
    lines: LogLines | None = None,
    tracer: Tracer | None = None,
    audit: AuditLog | None = None,
    key_secret: KeySecret | None = None,
    limiter: Limiter | None = None,
    asked: AskedUsers | None = None,
    on_decision: Listener | None = None,
) -> FastAPI:
    """Return the API.

    Args:
        config: The settings.
        database: Where impressions are kept; open it after importing this room, which declares their table.
        ledger: Says which bundle serves.
        bundles: The folder of the bundles.
        trust: Whose bundles serve.
        histories: What users met.
        events: Where events go; what it has acknowledged, ``histories`` must give back.
        feedback: What counts as liking, for the lists of callers without an account.
        load_catalogue: Reads the films from the lake; called at the start and for every new release.
        films_stand: Tells how what is known of films stands; where that changes they are read again in between.
        features: The rows of every view; without them none is kept beside answers.
        records: How answers came about; without them a passport tells what ledger and bundle say, and no more.
        conductor: Who sees to what is rolled out; without one this server follows the ledger and decides nothing.
        operations: What the console shows of other rooms; without it, it shows what serves and the ledger.
        watched: What the other rooms tell of themselves; without it, metrics and readiness are those of the API alone.
        people: Whose answers are not kept, and by which names users are known; without them, all are, by their ids.
        rights: What people may ask of their own data; without it, nothing may be.
        lines: Where each request is logged; without them, none is.
        tracer: Where spans are written down; without it, none is.
        audit: Where it is put on record what operators do; without it, nothing is.
        key_secret: What API keys are hashed with; without it there are none.
        limiter: Counts what is asked; without it this server counts in its memory.
        asked: Counts for how many users; the same.
        on_decision: Hears whom the guard let through and whom not; it must not wait.
    """
    ledger_of_rollouts = Rollouts(database)
    watcher = ReleaseWatcher(
        ledger=ledger,
        bundles=bundles,
        trust=trust,
        load_catalogue=load_catalogue,
        films_stand=films_stand,
        poll_seconds=config.poll_seconds,
        films_seconds=config.films_seconds,
        rollouts=ledger_of_rollouts,
    )
    impressions = Impressions(
        database,
        capacity=config.impression_queue,
        batch=config.impression_batch,
        delay_seconds=config.impression_delay_seconds,
        people=people,
    )
    metrics = Metrics(
        watcher,
        impressions,
        histories,
        database,
        watched=watched,
        patience_seconds=config.patience_seconds,
        lines=lines,
        tracer=tracer,
    )
    counting = Counting(database)
    shadowing = Shadowing(counting, config.rollout.canary.slow_ms / 1000)
    services = Services(
        config=config,
        watcher=watcher,
        ledger=ledger,
        rollouts=ledger_of_rollouts,
        answering=Answering(config.rollout, counting, metrics, shadowing),
        conductor=conductor,
        bundles=bundles,
        trust=trust,
        histories=histories,
        gathering=Gathering(events, most_waiting=config.most_waiting, on_refused=metrics.shed),
        feedback=feedback,
        impressions=impressions,
        features=features,
        rights=rights,
        records=records,
        operations=operations,
        database=database,
        metrics=metrics,
        health=Health(histories, database, watched=watched, patience_seconds=config.patience_seconds),
        rules=RuleBook(config.rules),
        repeats=Repeats(config.remembered_answers),
        read_before=ReadBefore(),
        access=_access(config, database, key_secret, limiter=limiter, asked=asked, on_decision=on_decision),
    )
    guarded = Guarded()
    beside = _beside(services, counting, shadowing)
    app = FastAPI(
        title="movie-mlops",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=lambda _: _life(services, beside),
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    # Lines end before the app, and the server that has them is made for it.
    app.state.refused = metrics.refused
    app.add_middleware(
        Lane,
        before=services.read_before,
        answer=partial(recommendations.answer_user, services),
        takes={
            "/v1/events": partial(event_routes.take_at_once, services),
            "/v1/recommendations": partial(recommendations.take_at_once, services),
        },
    )
    pseudonyms = None if people is None else people.pseudonyms
    known_as = None if pseudonyms is None else pseudonyms.of
    app.add_middleware(Guard, access=services.access, guarded=guarded, known_as=known_as)
    # Behind the door, which counts a refusal as any other answer and sends it out as one.
    app.add_middleware(
        Shedding,
        metrics=services.metrics,
        longest_wait_seconds=config.longest_wait_seconds,
        most_waiting=config.most_waiting,
    )
    if audit is not None:
        refusals = Refusals(audit)
        beside.append(Rounds("audit-refusals", refusals.write, config.audit_seconds, at_end=True))
        app.add_middleware(Audited, log=audit, refusals=refusals, who=partial(_who, audit))
    _allow_origins(app, config.security.cors)
    app.add_middleware(
        Door,
        metrics=services.metrics,
        max_body_bytes=config.max_body_bytes,
        lines=lines,
        tracer=tracer,
        encrypted=config.security.tls,
    )
    problems.install(app)
    told = (recommendations, rows, lists, movies, event_routes, passports, rights_routes, health, admin, rollouts)
    for resource in told:
        app.include_router(resource.make_router(services))
    mount_documents(app)
    mount_pages(app, services, config.pages)
    guarded.fill(app)
    schemes.install(app)
    return app


def _access(
    config: ServingConfig,
    database: Database,
    secret: KeySecret | None,
    *,
    limiter: Limiter | None,
    asked: AskedUsers | None,
    on_decision: Listener | None,
) -> Access:
    """Return who comes in."""
    security = config.security
    return Access(
        security,
        admin_token=config.admin_token,
        former_token=config.former_token,
        limiter=limiter or MemoryLimiter(Buckets(security.limits)),
        asked=asked,
        keys=None if secret is None else KeyRing(database, secret, stale_seconds=security.key_stale_seconds),
        accounts=None if secret is None else Accounts(database, secret, stale_seconds=security.key_stale_seconds),
        tokens=None if security.oidc is None else Tokens(security.oidc, ProviderKeys(security.oidc)),
        on_decision=on_decision,
    )


def _hearing(access: Access) -> list[Rounds]:
    """Return what hears of new and revoked keys; each by itself: a provider that hangs holds up no revocation."""
    rounds = [] if access.keys is None else [Rounds("api-keys", access.keys.refresh, _KEYS_SECONDS)]
    if access.accounts is not None:
        rounds.append(Rounds("console-accounts", access.accounts.refresh, _KEYS_SECONDS))
    if access.tokens is not None:
        rounds.append(Rounds("provider-keys", access.tokens.keys.refresh_if_old, _PROVIDER_SECONDS))
    return rounds


def _allow_origins(app: FastAPI, cors: CorsConfig) -> None:
    """Let pages of other origins ask, without cookies."""
    if cors.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Request-Id"],
            expose_headers=["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"],
            max_age=cors.max_age_seconds,
        )


def _who(audit: AuditLog) -> str:
    """Return who asks, for the record; a person of the identity provider by a pseudonym."""
    principal = PRINCIPAL.get()
    if principal.how is How.TOKEN:
        return audit.pseudonyms.user(principal.name)
    # The console's own session is begun with the admin token where it is not begun with a key.
    return How.ADMIN_TOKEN.value if principal.how is How.NOBODY else principal.name


def _beside(services: Services, counting: Counting, shadowing: Shadowing) -> list[Rounds | Shadowing]:
    """Return what works beside the requests for the sake of roll-outs."""
    watcher, config = services.watcher, services.config

    def report() -> None:
        traffic = watcher.snapshot.traffic
        if traffic is not None:
            counting.report(traffic.arms, unable=watcher.unable, lost=services.impressions.dropped)

    rounds = [
        *_hearing(services.access),
        Rounds("rollout-report", report, config.poll_seconds, at_end=True),
        Rounds("metric-history", History(services.database, services.metrics).note, config.history_seconds),
    ]
    if services.conductor is not None:
        rounds.append(Rounds("rollout-conductor", services.conductor.step, config.rollout.looks_seconds))
    return [shadowing, *rounds]


@asynccontextmanager
async def _life(services: Services, beside: Sequence[Rounds | Shadowing]) -> AsyncIterator[None]:
    """Load films and release before the first request; after the last one, write every answer that waits."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = services.config.worker_threads
    await anyio.to_thread.run_sync(services.watcher.start)
    # Who is known from the first request on.
    for hearing in _hearing(services.access):
        await anyio.to_thread.run_sync(hearing.once)
    services.impressions.start()
    for each in beside:
        each.start()
    try:
        yield
    finally:
        for each in beside:
            await anyio.to_thread.run_sync(each.stop)
        await anyio.to_thread.run_sync(services.watcher.stop)
        await anyio.to_thread.run_sync(services.impressions.stop)
        services.metrics.end()
        services.health.end()
