"""The stores of one data set, opened together."""

from functools import partial

from pydantic import SecretStr

from movie_mlops.core.nouns import Workspace
from movie_mlops.events import EventConfig, EventLog
from movie_mlops.features import VIEWS, Carrier, Histories, MemoryConfig, OnlineFeatures, Record, RedisConfig
from movie_mlops.features.engines import LOCAL, FeatureEngine
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.ingest import open_people
from movie_mlops.lake import Lake, LakeConfig
from movie_mlops.release import Aliases, Keys, KeysConfig, Ledger, Registry
from movie_mlops.security.envelope import RowSeals, read_master_keys
from movie_mlops.state import Database, StateConfig


class Platform:
    """What every flow works on.

    Attributes:
        workspace: Where everything lies.
        config: What the project chose.
        lake: The Delta tables.
        database: The state.
        histories: The histories in the online store.
        features: The feature rows in it.
        memory: How much is held at once while they are computed.
        events: The event log.
        erased: Whose data was erased, so that nothing of theirs comes in.
        consents: What people permit.
        people: Both, and by which names users are known.
        store: Where histories and feature rows are read.
        redis: What carries copies of them, and may carry events.
        ledger: The releases.
        keys: What signs bundles, and whose are used.
        masters: Gives what wraps the keys of people, as it is now.
        registry: Names and versions of bundles.
        aliases: What points at them.
        engine: Where heavy work is done.

    Args:
        workspace: The data set.
        config: What the project chose.
        lakes: The place of all data sets' lakes, where it is not the workspace's own.
        redis: What carries copies of the online store for serving; ``None`` reads the record itself.
        state_url: The PostgreSQL that keeps the state; ``None`` for the workspace's own file.
        keys: Where the signing key, the trusted ones and the master key are, where it is not the workspace's own place.
        engine: Where heavy work is done; whoever made it closes it.
    """

    def __init__(
        self,
        workspace: Workspace,
        config: PlatformConfig,
        lakes: LakeConfig | None = None,
        redis: RedisConfig | None = None,
        *,
        keys: KeysConfig | None = None,
        state_url: SecretStr | None = None,
        engine: FeatureEngine = LOCAL,
    ) -> None:
        self.workspace = workspace
        self.redis = redis
        self.config = config
        self.engine = engine
        self.database = Database(StateConfig.of(workspace, state_url))
        keys = keys or KeysConfig(folder=workspace.keys)
        self.masters = partial(read_master_keys, keys.folder, keys.master_key, keys.master_key_before)
        seals = RowSeals(lambda: self.database, self.masters)
        self.lake = Lake((lakes or LakeConfig(root=workspace.lakes)).of(workspace.dataset), seals)
        record = Record(self.database)
        lifetimes = {view.name: view.time_to_live.total_seconds() for view in VIEWS}
        self.store: Record | Carrier = record if redis is None else Carrier(record, redis, lifetimes)
        self.histories = Histories(self.database, self.store)
        self.memory = MemoryConfig(config.features.at_once, workspace.lock.parent)
        self.features = OnlineFeatures(self.database, VIEWS, config.feedback, self.store, memory=self.memory)
        self.people = open_people(self.lake, self.database, keys.folder, workspace.dataset, config.ingest)
        self.erased, self.consents = self.people.erased, self.people.consents
        self.events = EventLog(
            self.database,
            self.histories,
            config.feedback,
            EventConfig(effects=config.events.effects),
            features=self.features,
            people=self.people,
        )
        self.ledger = Ledger(self.database)
        self.registry = Registry(self.database, workspace.models)
        self.aliases = Aliases(self.database)
        self.keys = Keys(keys)

    def close(self) -> None:
        """Close the state database."""
        self.database.close()
