"""The report on what came in: numbers, plots, one HTML page."""

from movie_mlops.ingest.report.page import write_ingest_report

__all__ = ["write_ingest_report"]
