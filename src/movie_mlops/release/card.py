"""The model card: what a bundle is for, what it was made from, how good it is and for whom it is not.

Every number on it is one of the bundle's own facts, or is counted in the data that the bundle names; a bundle that
lacks a fact has a card without it. It holds no time of its own: the same bundle in the same state gives the same card.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from movie_mlops.core import clock, report_page
from movie_mlops.evaluation.leaderboard import metric_label
from movie_mlops.release import card_plots
from movie_mlops.release.judged import Judged, Measure, measures
from movie_mlops.release.manifest import Manifest
from movie_mlops.release.registry import Registered
from movie_mlops.release.rows import Release
from movie_mlops.release.tail import LongTail


@dataclass(frozen=True)
class DataVolume:
    """How much data lies behind a bundle, counted in the versions of the tables that it names.

    Attributes:
        facts: Counts and dates by name, in the order in which they are shown.
        plot: How much happened when, as SVG, where times are known.
    """

    facts: Mapping[str, str | int]
    plot: str | None


@dataclass(frozen=True)
class Card:
    """What a card is made of.

    Attributes:
        manifest: The bundle's.
        registered: Its name and version.
        signed_by: Short name of the key that vouches for it; ``None`` where nobody does.
        releases: When it served.
        capabilities: What its model can do, by name.
        volume: The data behind it, where it is at hand.
        tail: What it recommends, where the data is at hand.
    """

    manifest: Manifest
    registered: Registered
    signed_by: str | None
    releases: Sequence[Release]
    capabilities: Mapping[str, bool]
    volume: DataVolume | None
    tail: LongTail | None

    def to_html(self) -> str:
        """Return one HTML page that needs nothing beside it."""
        return self._render("card.html.j2", {name: _safe(svg) for name, svg in self._figures.items()})

    def to_markdown(self) -> str:
        """Return the same as Markdown, with drawings that need no page."""
        return self._render("card.md.j2", {name: report_page.standalone(svg) for name, svg in self._figures.items()})

    @cached_property
    def _figures(self) -> dict[str, str]:
        figures, judged = {}, Judged.of(self.manifest)
        if judged is not None:
            figures["quality"] = card_plots.quality(self._name(), judged)
            if any(judged.segments.values()):
                figures["segments"] = card_plots.by_segment(self._name(), judged)
            if judged.films.get("candidate"):
                figures["films"] = card_plots.by_films(self._name(), judged)
        if self.tail is not None:
            figures["tail"] = card_plots.long_tail(self.tail.liked, self.tail.shown)
        if self.volume is not None and self.volume.plot is not None:
            figures["volume"] = self.volume.plot
        return figures

    def _name(self) -> str:
        return str(self.manifest.facts.get("recipe") or self.manifest.model)

    def _render(self, template: str, figures: Mapping[str, Any]) -> str:
        from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 (heavy)

        environment = Environment(
            loader=ChoiceLoader([PackageLoader("movie_mlops.release"), PackageLoader(report_page.PACKAGE)]),
            # Markdown is not HTML: what stands in it goes through _words.
            autoescape=template.endswith(".html.j2"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"metric": metric_label, "fact": _fact, "when": _when, "words": _words}
        facts, judged, found = self.manifest.facts, Judged.of(self.manifest), measures(self.manifest)
        return environment.get_template(template).render(
            title=f"{self._name()} for {facts.get('dataset') or self.registered.name}",
            card=self,
            bundle=self.manifest,
            registered=self.registered,
            name=self._name(),
            dataset=facts.get("dataset"),
            judged=judged,
            evaluation=found,
            nearest=judged and judged.nearest,
            size=sum(file.bytes for file in self.manifest.files().values()),
            figures=figures,
            limits=self._limits(judged, found),
            origin=self._origin(judged),
        )

    def _origin(self, judged: Judged | None) -> dict[str, dict[str, Any]]:
        """Return what the bundle was made from, line by line, under headings."""
        facts = self.manifest.facts
        told: dict[str, dict[str, Any]] = {
            "Data": {"data set": facts.get("dataset"), **_flat(facts.get("lake_versions") or {}, "version of")}
        }
        if self.volume is not None:
            told["How much"] = dict(self.volume.facts)
        if judged is not None:
            decides = {"split": judged.case, "users judged": judged.users, "decides": metric_label(judged.metric)}
            told["How it was judged"] = {**decides, **_flat(judged.split)}
        told["Model"] = {
            "recommender": self.manifest.model,
            "seed": "none needed" if facts.get("randomness") == "none" else facts.get("seed"),
            "films": self.manifest.movie_ids.shape[0],
            **_flat(self.manifest.params),
        }
        told["Code"] = {"commit": facts.get("code_commit"), **_flat(facts.get("packages") or {})}
        told["Registry"] = {
            "name": self.registered.label,
            "origin": self.registered.origin,
            "since": _when(self.registered.at),
            "signed by": self.signed_by or "nobody",
        }
        return told

    def _limits(self, judged: Judged | None, found: Mapping[str, Measure]) -> list[str]:
        """Return what it cannot do, in sentences that follow from the facts."""
        films = self.manifest.movie_ids.shape[0]
        told = [f"It knows {films:,} films; one that came later is missing until it is trained again."]
        if not self.capabilities.get("personalised", True):
            told.append("It is not personal: everybody gets the same films, but for those that they know.")
        if judged is not None:
            told.append(
                "It was judged on films that people found by themselves: a good film that nobody had met counts as a"
                " miss, so the figures say more about likely lists than about surprising ones."
            )
        if judged is not None and judged.weakest is not None:
            weakest = judged.weakest
            told.append(
                f"It does least for users with {weakest.label} films in their history:"
                f" {metric_label(judged.metric)} {weakest.value.estimate:.3f} ({weakest.value.low:.3f} to"
                f" {weakest.value.high:.3f}) on {weakest.users:,} users."
            )
        if judged is not None and judged.hardest is not None:
            hardest = judged.hardest
            told.append(
                f"Of all kinds of films it finds least of “{hardest.label}”: {metric_label(judged.metric)}"
                f" {hardest.value.estimate:.3f} ({hardest.value.low:.3f} to {hardest.value.high:.3f}) for the"
                f" {hardest.users:,} users who had some to find."
            )
        coverage = next((value for name, value in found.items() if name.startswith("coverage")), None)
        if coverage is not None:
            told.append(f"Its lists together show {coverage.estimate:.1%} of the films, and never the others.")
        told.append(
            "It knows nothing of people but what they did with films: whether it serves ages, genders or origins alike"
            " cannot be told from its data, and was not judged."
        )
        return told


def _safe(svg: str) -> Any:
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    # The drawings are made here, by a library that escapes the names in them.
    return Markup(svg)  # noqa: S704 (see above)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested facts as lines."""
    if not isinstance(value, Mapping):
        return {prefix: value}
    return {
        name: one
        for key, inner in value.items()
        for name, one in _flat(inner, f"{prefix} {key}" if prefix else str(key)).items()
    }


def _fact(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "-", True: "yes", False: "no"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_fact(one) for one in value)
    return str(value)


def _when(moment: Any) -> str:
    return clock.to_iso(moment)[:16].replace("T", " ") + " UTC"


def _words(value: Any) -> str:
    """Return text that means nothing to a reader of Markdown or HTML."""
    text = str(value).replace("\n", " ")
    for mark in "\\`*_[]|#~":
        text = text.replace(mark, "\\" + mark)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
