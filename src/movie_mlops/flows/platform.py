"""The stores of one data set, opened together."""

from movie_mlops.core.nouns import Workspace
from movie_mlops.events import EventLog
from movie_mlops.features import Histories
from movie_mlops.flows.config import PlatformConfig
from movie_mlops.lake import Lake, LakeConfig
from movie_mlops.release import Ledger
from movie_mlops.state import Database, StateConfig


class Platform:
    """What every flow works on.

    Attributes:
        workspace: Where everything lies.
        config: What the project chose.
        lake: The Delta tables.
        database: The state.
        histories: The online store.
        events: The event log.
        ledger: The releases.

    Args:
        workspace: The data set.
        config: What the project chose.
        lakes: The place of all data sets' lakes, where it is not the workspace's own.
    """

    def __init__(self, workspace: Workspace, config: PlatformConfig, lakes: LakeConfig | None = None) -> None:
        self.workspace = workspace
        self.config = config
        self.lake = Lake((lakes or LakeConfig(root=workspace.lakes)).of(workspace.dataset))
        self.database = Database(StateConfig(url=workspace.state_url))
        self.histories = Histories(self.database)
        self.events = EventLog(self.database, self.histories, config.feedback)
        self.ledger = Ledger(self.database)

    def close(self) -> None:
        """Close the state database."""
        self.database.close()
