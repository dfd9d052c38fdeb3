"""Back-ups of the state and the lake, encrypted person by person; an erased person is in none that can be read."""

from movie_mlops.flows.backups.contents import DERIVED, GENERAL_TABLES, PERSONAL_TABLES
from movie_mlops.flows.backups.owners_keys import Shredded, rewrap, shred
from movie_mlops.flows.backups.restoring import RestoredBackup, restore_backup
from movie_mlops.flows.backups.writing import Backup, write_backup

__all__ = [
    "DERIVED",
    "GENERAL_TABLES",
    "PERSONAL_TABLES",
    "Backup",
    "RestoredBackup",
    "Shredded",
    "restore_backup",
    "rewrap",
    "shred",
    "write_backup",
]
