"""The static pages, where there are any."""

from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

# The page is small and changes with the server: the browser asks whether its copy is still good.
_ASK: Final = {"cache-control": "no-cache"}


class _Files(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the file, or that the browser's copy is still good."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(_ASK)
        return response


def mount_pages(app: FastAPI, pages: Path) -> None:
    """Serve ``index.html`` at ``/``, ``passport.html`` at ``/passport`` and their folder at ``/static``.

    Without a page ``/`` leads to the documents.
    """
    index, passport = pages / "index.html", pages / "passport.html"

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        if index.is_file():
            return FileResponse(index, headers=_ASK)
        return RedirectResponse("/docs")

    if passport.is_file():

        @app.get("/passport", include_in_schema=False)
        async def passport_page() -> Response:
            return FileResponse(passport, headers=_ASK)

    if pages.is_dir():
        app.mount("/static", _Files(directory=pages), name="static")
