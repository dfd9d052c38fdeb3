"""The pages: made from templates, with the words of the visitor's language; their files as they are."""

import mimetypes
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from movie_mlops.serving.catalogue import Catalogue, Film
from movie_mlops.serving.rendering import Pages, language_of, plain_data
from movie_mlops.serving.routes.console import mount_console
from movie_mlops.serving.services import Services

# The pages are small and change with the server: the browser asks whether its copy is still good.
_ASK: Final = {"cache-control": "no-cache"}
# Machines differ in what they call these.
_KINDS: Final = {".js": "text/javascript", ".svg": "image/svg+xml", ".json": "application/json"}
_WALL: Final = 24
"""How many films the wall begins with; the page's modules count the same."""


class _Files:
    """The files of a folder in memory: a first visit asks for all of them at once, and none should wait for a disk.

    Args:
        folder: Which; what lies in it when the server starts is served, and read anew where it was changed since.
    """

    def __init__(self, folder: Path) -> None:
        self._paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        self._read: dict[str, tuple[int, bytes]] = {}

    def answer(self, request: Request, name: str) -> Response:
        """Return a file, or that the browser's copy is still good."""
        path = self._paths.get(name)
        if path is None:
            raise HTTPException(404)
        changed = path.stat().st_mtime_ns
        held = self._read.get(name)
        if held is None or held[0] != changed:
            held = self._read[name] = (changed, path.read_bytes())
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return _answer(request, held[1], _KINDS.get(path.suffix, kind), {})


def mount_pages(app: FastAPI, services: Services, folder: Path) -> None:
    """Serve the pages at ``/``, ``/films/{movie_id}``, ``/passport`` and ``/console``, and their files at ``/static``.

    Without the pages' words ``/`` leads to the documents.
    """
    files = _Files(folder)

    @app.get("/static/{name:path}", include_in_schema=False)
    async def file(request: Request, name: str) -> Response:
        return files.answer(request, name)

    if not (folder / "words").is_dir():

        @app.get("/", include_in_schema=False)
        async def documents() -> Response:
            return RedirectResponse("/docs")

        return
    pages = Pages(folder)
    mount_console(app, services, pages)

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return _page(request, _index(pages, services.watcher.snapshot.catalogue, language(request), None))

    @app.get("/films/{movie_id}", include_in_schema=False)
    async def film_page(request: Request, movie_id: str) -> Response:
        catalogue = services.watcher.snapshot.catalogue
        film = catalogue.get(int(movie_id)) if movie_id.isascii() and movie_id.isdigit() else None
        if film is None:
            return RedirectResponse("/")
        return _page(request, _index(pages, catalogue, language(request), film))

    @app.get("/passport", include_in_schema=False)
    async def passport_page(request: Request) -> Response:
        spoken = language(request)
        title = pages.sentence(spoken, "recordTitle")
        text = pages.render(
            "passport.html.j2",
            language=spoken,
            script="record.js",
            sheets=("app.css",),
            title=title,
            description=pages.sentence(spoken, "recordDescription"),
        )
        return _page(request, text)


def language(request: Request) -> str:
    """Return the language to answer a request in."""
    return language_of(request.headers.get("accept-language", ""))


def _index(pages: Pages, catalogue: Catalogue, spoken: str, film: Film | None) -> str:
    """Return the page, with the wall's first films in it: what everybody sees first needs no second question."""
    first = {
        "movies": {
            "total": len(catalogue),
            "items": [catalogue.films[position].document() for position in catalogue.search("")[:_WALL].tolist()],
        },
        "genres": catalogue.genres,
        "film": None if film is None else film.document(),
    }
    title = pages.sentence(spoken, "title")
    return pages.render(
        "index.html.j2",
        language=spoken,
        script="app.js",
        sheets=("app.css",),
        title=title if film is None else film.title,
        description=pages.sentence(spoken, "description"),
        first=plain_data(first),
    )


def _page(request: Request, text: str) -> Response:
    return _answer(request, text.encode(), "text/html", {"vary": "Accept-Language"})


def _answer(request: Request, body: bytes, kind: str, more: Mapping[str, str]) -> Response:
    """Return content, or that the browser's copy is still good."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {**_ASK, **more, "etag": tag}
    if tag in {known.strip().removeprefix("W/") for known in request.headers.get("if-none-match", "").split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=kind)
