"""What the routes work with, made once for each app."""

from dataclasses import dataclass
from pathlib import Path

from movie_mlops.features import FeedbackConfig, Histories, OnlineFeatures
from movie_mlops.release import Ledger, TrustList
from movie_mlops.release.rollout import Rollouts
from movie_mlops.security import Access
from movie_mlops.serving.answering import Answering
from movie_mlops.serving.config import ServingConfig
from movie_mlops.serving.gathering import Gathering
from movie_mlops.serving.health import Health
from movie_mlops.serving.impressions import Impressions
from movie_mlops.serving.lane import ReadBefore
from movie_mlops.serving.metrics import Metrics
from movie_mlops.serving.ports import Conductor, Operations, Records, Rights
from movie_mlops.serving.releases import ReleaseWatcher
from movie_mlops.serving.repeats import Repeats
from movie_mlops.serving.rules import RuleBook
from movie_mlops.state import Database


@dataclass(frozen=True, slots=True)
class Services:
    """Stores and helpers of one app.

    Attributes:
        config: The settings.
        watcher: The films and the release in memory.
        ledger: What serves, and since when.
        rollouts: What is rolled out beside it.
        answering: What gives the answers.
        conductor: Who sees to what is rolled out, where somebody does.
        bundles: The folder of the bundles.
        trust: Whose bundles are read.
        histories: What users met.
        gathering: The same, for many requests in one commit.
        feedback: What counts as liking.
        features: The rows of every view, where there are any.
        rights: What people may ask of their own data, where anything.
        records: How answers came about, where that is known.
        operations: What the console shows of other rooms, where that is known.
        database: Where answers are kept.
        impressions: The answers that were given.
        metrics: What is counted.
        health: How everything is that the server depends on.
        rules: The rules of every list.
        repeats: The answers that need not be worked out again.
        read_before: The wishes that need not be read again.
        access: Who comes in.
    """

    config: ServingConfig
    watcher: ReleaseWatcher
    ledger: Ledger
    rollouts: Rollouts
    answering: Answering
    conductor: Conductor | None
    bundles: Path
    trust: TrustList
    histories: Histories
    gathering: Gathering
    feedback: FeedbackConfig
    impressions: Impressions
    features: OnlineFeatures | None
    rights: Rights | None
    records: Records | None
    operations: Operations | None
    database: Database
    metrics: Metrics
    health: Health
    rules: RuleBook
    repeats: Repeats
    read_before: ReadBefore
    access: Access
