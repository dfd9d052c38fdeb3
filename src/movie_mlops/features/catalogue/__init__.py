"""The catalogue: every view and feature on one HTML page."""

from movie_mlops.features.catalogue.page import Fresh, Table, write_catalogue_page

__all__ = ["Fresh", "Table", "write_catalogue_page"]
