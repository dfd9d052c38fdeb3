"""The static page, where there is one."""

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
    """Serve ``index.html`` at ``/`` and its folder at ``/static``; without a page ``/`` leads to the documents."""
    index = pages / "index.html"

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        if index.is_file():
            return FileResponse(index, headers=_ASK)
        return RedirectResponse("/docs")

    if pages.is_dir():
        app.mount("/static", _Files(directory=pages), name="static")
