"""How much something takes on disk."""

import sqlite3
from contextlib import closing
from pathlib import Path


def files_bytes(folder: Path) -> float:
    """Return how large all files below a folder are together."""
    return float(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))


def state_bytes(home: Path) -> float:
    """Return how large the state databases of a home are, with what still lies in their logs; 0 for none."""
    total = 0
    for file in (home / "data" / "state").glob("*.db"):
        with closing(sqlite3.connect(file)) as connection:
            [pages], [size] = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
            total += pages * size
    return float(total)
