"""How a migration refuses."""

from movie_mlops.standard.errors import StandardError


class MigrationError(StandardError):
    """A migration cannot be planned, applied, verified or rolled back as things are."""

    code = "standard-migration"


class PlanError(MigrationError):
    """The plan cannot be read, or asks for what is not safe."""

    code = "standard-migration-plan"
    exit_code = 2


class UnfinishedError(MigrationError):
    """A migration was interrupted and has to be resumed or rolled back first; or none was."""

    code = "standard-migration-unfinished"
    exit_code = 2


class RepositoryError(MigrationError):
    """Git refused."""

    code = "standard-migration-git"
