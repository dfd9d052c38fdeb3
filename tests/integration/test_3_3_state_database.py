"""The state database under several processes."""

import subprocess
import sys
from pathlib import Path

OPEN = """
import sys
from sqlalchemy import Column, Integer, Table
from movie_mlops.state import METADATA, Database, StateConfig
Table("numbers", METADATA, Column("number", Integer, primary_key=True))
Database(StateConfig(sys.argv[1])).close()
"""


def test_many_processes_open_a_new_database_at_once(tmp_path: Path) -> None:
    """Every process that opens the same new database at the same moment gets it."""
    for turn in range(3):
        url = f"sqlite:///{tmp_path / f'state-{turn}.db'}"
        processes = [
            subprocess.Popen([sys.executable, "-c", OPEN, url], stderr=subprocess.PIPE, text=True) for _ in range(8)
        ]
        errors = [process.communicate(timeout=60)[1] for process in processes]
        assert [process.returncode for process in processes] == [0] * 8, errors
