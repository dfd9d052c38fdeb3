"""What is behind a recommendation, a release, a bundle, a table's version or a training set, and what came of it."""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import select

from movie_mlops.core import clock
from movie_mlops.features import TrainingSet, TrainingSets
from movie_mlops.flows.errors import UnknownThingError
from movie_mlops.flows.origins import DataOrigins
from movie_mlops.flows.platform import Platform
from movie_mlops.lake import INTERACTIONS, MOVIES
from movie_mlops.release import (
    BundleError,
    Graph,
    Kind,
    Manifest,
    Node,
    Release,
    list_bundles,
    means_bundle,
    read_manifest,
    resolve,
)
from movie_mlops.serving import IMPRESSIONS, Impression, read_impression, usage

_RECOMMENDATION: Final = re.compile(r"[0-9a-f]{32}")
_SHORT: Final = 12


class Lineage:
    """Draws up what is known of a data set's things.

    Args:
        platform: The stores.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lake = platform.lake
        self._data = DataOrigins(platform.lake)
        self._models = platform.workspace.models
        self._releases = platform.ledger.history()
        self._sets = TrainingSets(platform.workspace.training_sets, platform.lake)

    def of(self, thing: str) -> Graph:
        """Return what is behind a thing and what came of it.

        Args:
            thing: A recommendation's id, a release's number, a bundle's id or name, ``TABLE@VERSION``, a training
                set's name (``NAME@VERSION``), or a table's name for its newest version.

        Raises:
            UnknownThingError: There is no such thing.
            BundleError: A bundle is meant, and there is none of that version or alias, or several begin so.
        """
        name, _, version = thing.partition("@")
        number = int(version) if version.isascii() and version.isdigit() else None
        if _RECOMMENDATION.fullmatch(thing) and (impression := self._impression(thing)):
            return self._of_recommendation(impression)
        if thing.isascii() and thing.isdigit() and (release := self._release(int(thing))):
            return self._of_release(release)
        if thing in self._bundles():
            return self._of_bundle(thing)
        if name in self._lake.names() and (number is not None or not version):
            return self._of_table(name, number)
        versions = {made.manifest["version"]: made for made in self._sets if made.manifest["name"] == name}
        if made := versions.get(max(versions, default=0) if number is None else number):
            return self._of_training_set(made)
        if bundle_id := self._called(thing):
            return self._of_bundle(bundle_id)
        raise self._unknown(thing)

    def of_recommendation(self, recommendation_id: str) -> Graph:
        """Return what is behind a recommendation.

        Raises:
            UnknownThingError: It was not kept.
        """
        impression = self._impression(recommendation_id)
        if impression is None:
            raise self._unknown(recommendation_id)
        return self._of_recommendation(impression)

    def _of_recommendation(self, impression: Impression) -> Graph:
        graph = Graph(f"recommendation:{impression.recommendation_id}")
        release = impression.release(self._releases)
        facts = {
            "to": "a visitor without an account" if impression.user_id is None else f"user {impression.user_id}",
            "at": clock.to_iso(impression.at),
            "films": ", ".join(str(movie_id) for movie_id, _ in impression.items),
            "kind": impression.source,
        }
        node = Node(graph.thing, Kind.RECOMMENDATION, impression.recommendation_id[:_SHORT], facts)
        behind = [] if release is None else [(self._add_release(graph, release), "answered")]
        graph.add(node, from_=behind)
        return graph

    def _of_release(self, release: Release) -> Graph:
        graph = Graph(f"release:{release.release_id}")
        self._add_answers(graph, self._add_release(graph, release), release)
        return graph

    def _of_bundle(self, bundle_id: str) -> Graph:
        graph = Graph(f"bundle:{bundle_id}")
        self._add_bundle(graph, bundle_id)
        self._add_releases_of(graph, bundle_id)
        return graph

    def _of_table(self, table: str, version: int | None) -> Graph:
        newest = self._lake.version(table)
        assert newest is not None
        at = newest if version is None else version
        if at > newest:
            raise UnknownThingError(
                f"The table {table!r} has versions 0 to {newest}; there is no version {at}.",
                next_step=f"Ask for {table}@{newest}.",
            )
        graph = Graph(f"table:{table}@{at}")
        self._data.add_table(graph, table, at)
        for made in self._lake.names():
            for commit in self._lake.history(made):
                if commit.note.get(table) == str(at):
                    self._data.add_table(graph, made, commit.version)
        for training_set in self._sets:
            if training_set.manifest["lake"].get(table) == at:
                self._add_training_set(graph, training_set)
        for bundle_id in self._bundles():
            versions: Any = self._facts(bundle_id).get("lake_versions") or {}
            if versions.get(table) == at:
                self._add_bundle(graph, bundle_id)
                self._add_releases_of(graph, bundle_id)
        return graph

    def _of_training_set(self, made: TrainingSet) -> Graph:
        graph = Graph(f"training-set:{made.manifest['name']}@{made.manifest['version']}")
        self._add_training_set(graph, made)
        return graph

    def _add_release(self, graph: Graph, release: Release) -> str:
        facts = {
            "since": clock.to_iso(release.at),
            "until": "now" if release.until is None else clock.to_iso(release.until),
            "by": f"{release.approved_by} ({release.action})",
            "because": release.reason,
        }
        node = Node(f"release:{release.release_id}", Kind.RELEASE, f"release {release.release_id}", facts)
        return graph.add(node, from_=[(self._add_bundle(graph, release.bundle_id), "serves as")])

    def _add_releases_of(self, graph: Graph, bundle_id: str) -> None:
        for release in self._releases:
            if release.bundle_id == bundle_id:
                self._add_answers(graph, self._add_release(graph, release), release)

    def _add_answers(self, graph: Graph, release_node: str, release: Release) -> None:
        used = usage(self._platform.database, [release.release_id], release.bundle_id)
        facts = {"users": f"{used.users:,}", "the last": clock.to_iso(used.last) if used.last else "none yet"}
        title = f"{used.answers:,} recommendation{'' if used.answers == 1 else 's'}"
        node = Node(f"answers:{release.release_id}", Kind.ANSWERS, title, facts)
        graph.add(node, from_=[(release_node, "answered")])

    def _add_bundle(self, graph: Graph, bundle_id: str) -> str:
        node_id = f"bundle:{bundle_id}"
        if node_id in graph:
            return node_id
        try:
            manifest = read_manifest(self._models / bundle_id)
        except BundleError as error:
            return graph.add(Node(node_id, Kind.BUNDLE, bundle_id, {"why": error.problem}, gone=True))
        films = manifest.movie_ids.shape[0]
        size = sum(file.bytes for file in manifest.files().values())
        registered = self._platform.registry.find(bundle_id)
        facts = {
            "name": None if registered is None else registered.label,
            "model": manifest.model,
            "films": f"{films:,}",
            "bytes": f"{size:,}",
        }
        made_of = [(given, "given") for given in self._add_given(graph, bundle_id, manifest)]
        versions: Any = manifest.facts.get("lake_versions") or {}
        for table, version in versions.items():
            what = {INTERACTIONS: "learned from", MOVIES: "films of"}.get(table, "beside")
            if table in {INTERACTIONS, MOVIES} and isinstance(version, int):
                made_of.append((self._data.add_table(graph, table, version), what))
        return graph.add(Node(node_id, Kind.BUNDLE, bundle_id, facts), from_=made_of)

    def _add_given(self, graph: Graph, bundle_id: str, manifest: Manifest) -> list[str]:
        """Add what a bundle was given besides data: configuration, features, code, libraries."""
        facts: Mapping[str, Any] = manifest.facts
        feedback = facts.get("feedback")
        seed = facts.get("seed")
        configuration = {
            "seed": str(seed) if seed is not None else "none needed" if facts.get("randomness") == "none" else None,
            "parameters": _pairs(manifest.params) or "none",
            "liked": None if not feedback else f"{feedback['positive_rating']:g} stars and more",
            "threads": None if not facts.get("threads") else _pairs(facts["threads"]),
        }
        commit = facts.get("code_commit")
        name, _, changes = str(commit or "").partition("+")
        code = {
            "commit": name or None,
            "changes": "not committed" if changes else "none" if name else None,
            "sha256": facts.get("code_sha256"),
        }
        views = facts.get("feature_versions")
        libraries = {**(facts.get("packages") or {}), **(facts.get("machine") or {})}
        return [
            graph.add(Node(f"{kind}:{bundle_id}", kind, title, told))
            for kind, title, told in (
                (Kind.CONFIGURATION, f"recipe {facts.get('recipe') or 'not recorded'}", configuration),
                (Kind.FEATURES, "feature definitions", {view: str(of)[:_SHORT] for view, of in (views or {}).items()}),
                (Kind.CODE, name[:_SHORT] or "not recorded", code),
                (Kind.LIBRARIES, f"Python {libraries.get('python', 'not recorded')}", libraries),
            )
        ]

    def _add_training_set(self, graph: Graph, made: TrainingSet) -> str:
        manifest = made.manifest
        facts = {
            "rows": f"{manifest['rows']:,}",
            "features": f"{len(manifest['features']):,}",
            "built": manifest["built_at"],
            "sha256": manifest["sha256"],
        }
        title = f"{manifest['name']}@{manifest['version']}"
        views = {
            name: f"version {view['version']}, {view['digest'][:_SHORT]}" for name, view in manifest["views"].items()
        }
        lake = manifest["lake"]
        of = [(self._data.add_table(graph, table, version), "built from") for table, version in lake.items()]
        of.append((graph.add(Node(f"features:{title}", Kind.FEATURES, "feature definitions", views)), "given"))
        return graph.add(Node(f"training-set:{title}", Kind.TRAINING_SET, title, facts), from_=of)

    def _impression(self, recommendation_id: str) -> Impression | None:
        statement = select(IMPRESSIONS).where(IMPRESSIONS.c.recommendation_id == recommendation_id)
        with self._platform.database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else read_impression(row)

    def _release(self, release_id: int) -> Release | None:
        return next((release for release in self._releases if release.release_id == release_id), None)

    def _bundles(self) -> list[str]:
        # A bundle that served and whose folder is gone still has a lineage.
        return sorted({*list_bundles(self._models), *(release.bundle_id for release in self._releases)})

    def _called(self, thing: str) -> str | None:
        """Return the id of the bundle that somebody means by a name or a beginning."""
        present = self._bundles()
        self._platform.registry.adopt()
        registered = self._platform.registry.all()
        if not means_bundle(thing, present=present, registered=registered):
            return None
        return resolve(thing, present=present, registered=registered, aliases=self._platform.aliases.all())

    def _facts(self, bundle_id: str) -> Mapping[str, Any]:
        try:
            return read_manifest(self._models / bundle_id).facts
        except BundleError:
            return {}

    def _unknown(self, thing: str) -> UnknownThingError:
        tables = [f"{table}@{self._lake.version(table)}" for table in self._lake.names()]
        sets = [f"{made.manifest['name']}@{made.manifest['version']}" for made in self._sets]
        near = get_close_matches(thing, [*self._bundles(), *tables, *sets], n=1)
        return UnknownThingError(
            f"There is no recommendation, release, bundle, table or training set {thing!r} in"
            f" {self._platform.workspace.dataset}.",
            next_step=f"Did you mean {near[0]!r}?"
            if near
            else "Give the recommendation_id of an answer, or a name that 'movie-mlops release history', 'movie-mlops"
            " models list' or 'movie-mlops lake tables' lists.",
        )


def _pairs(group: Mapping[str, Any]) -> str:
    told = ((name, value if isinstance(value, str) else json.dumps(value)) for name, value in group.items())
    return ", ".join(f"{name} {value}" for name, value in told)
