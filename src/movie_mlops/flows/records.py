"""What the lake, the log and the bundles know of how an answer came about; serving asks it for the passport's page."""

from datetime import datetime
from typing import Any

import polars as pl

from movie_mlops.core.columns import EVENT_ID, INGESTED_AT, USER_ID
from movie_mlops.features import History
from movie_mlops.features.parity import event_rows, history_again
from movie_mlops.flows.lineage import Lineage
from movie_mlops.flows.platform import Platform
from movie_mlops.flows.rebuild import present
from movie_mlops.flows.reproduce import changed_inputs, missing_inputs
from movie_mlops.lake import INTERACTIONS
from movie_mlops.release import BundleError, Graph, read_manifest


class PlatformRecords:
    """Answers for one data set.

    Args:
        platform: Its stores.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def graph(self, recommendation_id: str, /) -> Graph:
        """Return what is behind an answer that was kept."""
        return Lineage(self._platform).of_recommendation(recommendation_id)

    def history(self, user_id: str, /, *, until: datetime) -> History:
        """Return a user's history from what the lake and the log had by a time."""
        meant = (pl.col(USER_ID) == user_id) & (pl.col(INGESTED_AT) <= until)
        said = self._platform.lake.scan(INTERACTIONS).filter(meant).collect()
        known = set(said[EVENT_ID].to_list())
        later = [event.interaction for event in self._platform.events.of_user(user_id, until=until)]
        rows = event_rows([event for event in later if event.event_id not in known])
        return history_again(pl.concat([said, rows], how="diagonal"), user_id, self._platform.config.feedback)

    def rebuild(self, bundle_id: str, /) -> dict[str, Any]:
        """Return whether a bundle could be made again now, without making it."""
        command = f"movie-mlops reproduce {bundle_id} --dataset {self._platform.workspace.dataset}"
        try:
            manifest = read_manifest(self._platform.workspace.models / bundle_id)
        except BundleError as error:
            return {"possible": False, "problem": error.problem, "changes": [], "command": command}
        problem = missing_inputs(self._platform.lake, manifest)
        changes = [
            {"what": change.what, "recorded": change.recorded, "present": change.present}
            for change in changed_inputs(manifest.facts, present())
        ]
        return {"possible": problem is None, "problem": problem, "changes": changes, "command": command}
