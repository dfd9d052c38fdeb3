"""Scans of a project: what its code, its history, its locks, its licences and its container files must not hold."""

from movie_mlops.security.scan.config import Accepted, Licences, ScanConfig
from movie_mlops.security.scan.findings import CHECKS, Finding, to_sarif
from movie_mlops.security.scan.scanning import Scanned, scan

__all__ = ["CHECKS", "Accepted", "Finding", "Licences", "ScanConfig", "Scanned", "scan", "to_sarif"]
