"""The operators' console at ``/console``: pages made by the server, behind the admin token or a key."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio
import anyio.to_thread
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from movie_mlops.core import clock
from movie_mlops.core.errors import MovieMlopsError
from movie_mlops.evaluation.leaderboard import metric_label
from movie_mlops.release import POLICY, ReleaseError, draw, list_bundles
from movie_mlops.release.rollout import Rollout, promote_by_hand, roll_back_by_hand
from movie_mlops.security import RULES, Principal
from movie_mlops.serving import conducting
from movie_mlops.serving.console import answers, drawing, session
from movie_mlops.serving.console.door import PRIVATE, ConsoleDoor, read_form
from movie_mlops.serving.console.glance import Glance
from movie_mlops.serving.errors import BadRequestError, NotRecordedError
from movie_mlops.serving.rendering import Pages
from movie_mlops.serving.routes.admin import bundle_path
from movie_mlops.serving.services import Services

# A report is one document with its styles in it. It runs nothing, asks for nothing and has no origin.
_REPORT: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
_ACTS: Final = RULES["POST", "/console/actions/{action}"].roles

_MOVES: Final = ("pause", "resume", "promote", "rollback", "stop")

_TITLES: Final[dict[str, tuple[str, int | None]]] = {
    "": ("Overview", None),
    "data": ("Data", 1),
    "features": ("Features", 2),
    "models": ("Models", 3),
    "gates": ("Gates and runs", 4),
    "releases": ("Releases", 5),
    "monitoring": ("Monitoring", 6),
    "events": ("Events", 9),
    "lineage": ("Lineage", None),
}


class Console:
    """The console's pages and what they do.

    Args:
        services: The stores.
        pages: The templates.
        door: Where whoever has not signed in is sent.
    """

    def __init__(self, services: Services, pages: Pages, door: ConsoleDoor) -> None:
        self._services = services
        self._pages = pages
        self._door = door
        pages.filters.update(
            {
                "count": "{:,}".format,
                "ago": clock.ago,
                "when": lambda moment: f"{moment:%Y-%m-%d %H:%M} UTC",
                "iso": clock.to_iso,
                "span": clock.span,
                "percent": "{:.1%}".format,
                "size": _size,
                "metric": metric_label,
            }
        )

    def sections(self) -> list[dict[str, Any]]:
        """Return what the navigation names: the sections that there are, in order."""
        operations = self._services.operations
        there = {"", "releases", *(() if operations is None else (*operations.sections(), "lineage"))}
        return [
            {"name": name, "title": title, "stage": stage, "href": f"/console/{name}" if name else "/console"}
            for name, (title, stage) in _TITLES.items()
            if name in there
        ]

    def show(self, request: Request, name: str) -> Response:
        """Return a section."""
        if self._who(request) is None:
            return self._door.shown()
        if name not in {section["name"] for section in self.sections()}:
            return self._page(request, "missing", 404, {"asked": name})
        try:
            facts = self._facts(request, name)
        except MovieMlopsError as error:
            return self._page(request, "trouble", 503, {"asked": name, "problem": str(error)})
        return self._page(request, name or "overview", 200, facts)

    def act(self, request: Request, action: str, form: Mapping[str, str]) -> Response:
        """Do what a form asks, and lead back to the releases."""
        who = self._who(request)
        if who is None:
            return self._door.shown()
        expected = session.form_code(who[1], request.cookies[session.COOKIE])
        if not session.same(form.get("code", ""), expected):
            return self._page(
                request,
                "trouble",
                403,
                {"asked": "releases", "problem": "The form is of another session. Send it again."},
            )
        try:
            said = _ACTIONS[action](self._services, form)
        except MovieMlopsError as error:
            return self._page(request, "releases", 409, self._releases(form.get("bundle", ""), str(error)))
        return RedirectResponse(f"/console/releases?said={said}", 303, PRIVATE)

    def picture(self, request: Request) -> Response:
        """Return the lineage of a thing as SVG."""
        if self._who(request) is None:
            return Response(status_code=403)
        operations = self._services.operations
        if operations is None:
            raise NotRecordedError("Nothing is known of lineage here.", next_step="Start it with 'movie-mlops serve'.")
        try:
            drawn = draw(operations.graph_of(request.query_params.get("of", "")))
        except MovieMlopsError as error:
            raise NotRecordedError(error.problem, next_step=error.next_step) from error
        return Response(drawn, media_type="image/svg+xml", headers={**PRIVATE, "content-security-policy": POLICY})

    def report(self, request: Request, name: str) -> Response:
        """Return a report that was written by a flow."""
        if self._who(request) is None:
            return self._door.shown()
        operations = self._services.operations
        path = None if operations is None else operations.report(name)
        if path is None:
            return self._page(request, "missing", 404, {"asked": name})
        return HTMLResponse(path.read_bytes(), headers={**PRIVATE, "content-security-policy": _REPORT})

    def _who(self, request: Request) -> tuple[Principal, str] | None:
        """Return who has signed in, and what signs their session; what they may do the guard has seen to."""
        return session.who(self._services.access, request.cookies.get(session.COOKIE, ""))

    def _facts(self, request: Request, name: str) -> dict[str, Any]:
        operations = self._services.operations
        if name == "releases":
            return self._releases(request.query_params.get("bundle", ""), None)
        if name == "lineage":
            return self._lineage(request.query_params.get("of", "").strip())
        if name:
            assert operations is not None
            facts = dict(operations.section(name))
            if name == "events":
                films = self._services.watcher.snapshot.catalogue
                named = (films.get(event["data"].get("movie_id", -1)) for event in facts["latest"])
                facts["titles"] = {film.movie_id: film.title for film in named if film is not None}
            return facts
        glances: list[Glance] = [answers.glance(self._services)]
        glances += () if operations is None else operations.glances()
        glances.sort(key=lambda one: one.number)
        needs = [(one, need) for one in glances for need in one.needs]
        needs.sort(key=lambda pair: not pair[1].urgent)
        return {"glances": glances, "needs": needs, "hours": answers.by_hour(self._services, clock.now())}

    def _releases(self, chosen: str, trouble: str | None) -> dict[str, Any]:
        bundles = list_bundles(self._services.bundles)
        return {**answers.releases(self._services), "bundles": bundles, "chosen": chosen, "trouble": trouble}

    def _lineage(self, of: str) -> dict[str, Any]:
        champion = self._services.ledger.champion()
        of = of or ("" if champion is None else str(champion.release_id))
        operations, trouble, graph = self._services.operations, None, None
        assert operations is not None
        if of:
            try:
                graph = operations.graph_of(of)
            except MovieMlopsError as error:
                trouble = str(error)
        return {"of": of, "graph": graph, "trouble": trouble}

    def _page(self, request: Request, template: str, status: int, facts: Mapping[str, Any]) -> Response:
        section = {"overview": ""}.get(template, template)
        cookie, who = request.cookies.get(session.COOKIE, ""), self._who(request)
        assert who is not None
        model = self._services.watcher.snapshot.model
        title = _TITLES.get(section, ("Console", None))[0]
        text = self._pages.render(
            f"console/{template}.html.j2",
            script="console.js",
            sheets=("app.css", "console.css"),
            title=title,
            description=f"Console: {title}",
            here=section,
            sections=self.sections(),
            said=request.query_params.get("said"),
            code=session.form_code(who[1], cookie),
            acts=bool(who[0].roles & _ACTS) and who[0].writes,
            dataset=None if model is None else model.dataset,
            release=None if model is None else model.release,
            now=clock.now(),
            bars=_safe(drawing.bars),
            lines=_safe(drawing.lines),
            intervals=_safe(drawing.intervals),
            **facts,
        )
        return HTMLResponse(text, status, headers=PRIVATE)


def mount_console(app: FastAPI, services: Services, pages: Pages) -> None:
    """Serve the console."""
    door = ConsoleDoor(services, pages)
    console = Console(services, pages, door)
    door.mount(app)

    @app.post("/console/actions/{action}", include_in_schema=False)
    async def act(request: Request, action: str) -> Response:
        if action not in _ACTIONS:
            return RedirectResponse("/console", 303, PRIVATE)
        return await anyio.to_thread.run_sync(console.act, request, action, await read_form(request))

    @app.get("/console/lineage.svg", include_in_schema=False)
    def picture(request: Request) -> Response:
        return console.picture(request)

    @app.get("/console/reports/{name}", include_in_schema=False)
    def report(request: Request, name: str) -> Response:
        return console.report(request, name)

    @app.get("/console", include_in_schema=False)
    def overview(request: Request) -> Response:
        return console.show(request, "")

    @app.get("/console/{name}", include_in_schema=False)
    def section(request: Request, name: str) -> Response:
        return console.show(request, name)


def _promote(services: Services, form: Mapping[str, str]) -> str:
    promote_by_hand(
        services.database,
        bundle_path(services, form.get("bundle", "")),
        services.trust,
        reason=form.get("reason", ""),
        approved_by=form.get("approved_by", ""),
        expected=form.get("expected") or None,
    )
    services.watcher.refresh()
    return "promoted"


def _canary(services: Services, form: Mapping[str, str]) -> str:
    path = bundle_path(services, form.get("bundle", ""))
    conducting.begin_canary(services, path, reason=form.get("reason", ""), approved_by=form.get("approved_by", ""))
    return "moved"


def _move(services: Services, form: Mapping[str, str]) -> str:
    """Do what was chosen, such as ``canary-1:pause:3``: with what, what, and the move that was seen."""
    name, _, rest = form.get("move", "").partition(":")
    action, _, seen = rest.partition(":")
    if action not in _MOVES or not seen.isdecimal():
        raise BadRequestError("Nothing was chosen to be done.", next_step="Choose what to do with what is rolled out.")
    conducting.move(
        services,
        name,
        action,
        expected=int(seen[:18]),
        reason=form.get("reason", ""),
        approved_by=form.get("approved_by", ""),
    )
    return "moved"


def _roll_back(services: Services, form: Mapping[str, str]) -> str:
    if not form.get("reason", "").strip():
        raise ReleaseError("A roll-back needs a reason.", next_step="Say why; it is kept in the ledger.")
    done = roll_back_by_hand(
        services.database,
        reason=form["reason"],
        approved_by=form.get("approved_by", ""),
        expected=form.get("expected") or None,
    )
    services.watcher.refresh()
    return "moved" if isinstance(done, Rollout) else "rolled-back"


def _reload(services: Services, form: Mapping[str, str]) -> str:
    del form
    services.watcher.refresh(again=True)
    return "asked"


_ACTIONS: Final[dict[str, Callable[[Services, Mapping[str, str]], str]]] = {
    "promote": _promote,
    "canary": _canary,
    "move": _move,
    "roll-back": _roll_back,
    "reload": _reload,
}


def _safe(draw_plot: Callable[..., str]) -> Callable[..., Any]:
    from markupsafe import Markup  # noqa: PLC0415 (heavy)

    # The drawing escapes every word in it.
    return lambda *args, **kwargs: Markup(draw_plot(*args, **kwargs))  # noqa: S704 (see above)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - a unit of bytes
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
