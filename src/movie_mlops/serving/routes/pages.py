"""The static page, where there is one."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles


def mount_pages(app: FastAPI, pages: Path) -> None:
    """Serve ``index.html`` at ``/`` and its folder at ``/static``; without a page ``/`` leads to the documents."""
    index = pages / "index.html"

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        # The page is small and changes with the server: the browser asks whether its copy is still good.
        if index.is_file():
            return FileResponse(index, headers={"cache-control": "no-cache"})
        return RedirectResponse("/docs")

    if pages.is_dir():
        app.mount("/static", StaticFiles(directory=pages), name="static")
