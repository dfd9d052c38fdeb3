"""Where the rows of a table's version come from: other tables, and loads of sources with their fingerprints."""

from typing import Any, Final

import polars as pl

from movie_mlops.core import clock
from movie_mlops.core import columns as c
from movie_mlops.lake import BATCHES, INTERACTIONS, MOVIES, Commit, Lake, LakeError
from movie_mlops.release import Graph, Kind, Node

_MOST_LOADS: Final = 5
_SHORT: Final = 12


class DataOrigins:
    """Adds the data's part to a lineage.

    Args:
        lake: The lake.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def add_table(self, graph: Graph, table: str, version: int) -> str:
        """Add a table's version with all that it came from; return its node."""
        node_id = f"table:{table}@{version}"
        if node_id in graph:
            return node_id
        title = f"{table}@{version}"
        try:
            commits = [self._lake.commit(table, at) for at in range(version + 1)]
        except LakeError as error:
            return graph.add(Node(node_id, Kind.TABLE, title, {"why": error.problem}, gone=True))
        facts, gone = {"written": clock.to_iso(commits[-1].time)}, False
        try:
            rows = self._lake.scan(table, version=version).select(pl.len()).collect().item()
        except LakeError as error:
            facts, gone = {**facts, "why": error.problem}, True
        else:
            facts = {"rows": f"{rows:,}", **facts}
        graph.add(Node(node_id, Kind.TABLE, title, facts, gone=gone))
        last = commits[-1].note
        for other in (INTERACTIONS, MOVIES):
            if other in last and last[other].isdigit():
                graph.link(self.add_table(graph, other, int(last[other])), node_id, "computed from")
        for source in self._add_sources(graph, table, commits):
            graph.link(source, node_id, "loaded")
        return node_id

    def _add_sources(self, graph: Graph, table: str, commits: list[Commit]) -> list[str]:
        loads: dict[tuple[str, str], list[Commit]] = {}
        for commit in commits:
            if "source" in commit.note:
                loads.setdefault((commit.note["source"], commit.note.get("fingerprint", "")), []).append(commit)
        shown = list(loads.items())[-_MOST_LOADS:]
        nodes = [self._add_source(graph, *key) for key, _ in shown]
        if earlier := len(loads) - len(shown):
            facts = {"of": table, "until": clock.to_iso(next(iter(loads.values()))[-1].time)}
            nodes.append(graph.add(Node(f"source:{table}-earlier", Kind.SOURCE, f"{earlier:,} earlier loads", facts)))
        return nodes

    def _add_source(self, graph: Graph, source: str, fingerprint: str) -> str:
        node_id = f"source:{source}:{fingerprint[:_SHORT]}"
        if node_id in graph:
            return node_id
        if source == "events":
            return graph.add(Node(node_id, Kind.SOURCE, "events", {"what": "what users did, through the API"}))
        facts: dict[str, str | None] = {}
        for batch in self._batches(source, fingerprint):
            refused = f", {batch[c.ROWS_QUARANTINED]:,} refused" if batch[c.ROWS_QUARANTINED] else ""
            facts[batch[c.TABLE]] = f"{batch[c.ROWS_GOOD]:,} of {batch[c.ROWS_READ]:,} rows good{refused}"
            facts["loaded"] = clock.to_iso(batch[c.INGESTED_AT])
            facts["file"] = batch[c.FILE] or None
        facts["fingerprint"] = fingerprint or None
        return graph.add(Node(node_id, Kind.SOURCE, source, facts))

    def _batches(self, source: str, fingerprint: str) -> list[dict[str, Any]]:
        """Return the counts of the loads of a source in this state, the newest of each table."""
        if BATCHES not in self._lake.names():
            return []
        meant = (pl.col(c.SOURCE) == source) & (pl.col(c.FINGERPRINT) == fingerprint)
        rows = self._lake.scan(BATCHES).filter(meant).sort(c.INGESTED_AT, c.TABLE).collect()
        return rows.unique(c.TABLE, keep="last", maintain_order=True).to_dicts()
