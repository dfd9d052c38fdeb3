"""What can go wrong when rooms are joined."""

from movie_mlops.core.errors import MovieMlopsError


class FlowError(MovieMlopsError):
    """A flow cannot start or go on."""

    code = "flow"


class BusyError(FlowError):
    """Another process is running a flow on the same data set."""

    code = "busy"
    retryable = True


class DirtyTreeError(FlowError):
    """The code differs from its commit, and a model for production was asked for."""

    code = "dirty-tree"


class NotReproducibleError(FlowError):
    """A bundle cannot even be tried to be made again."""

    code = "not-reproducible"


class UnknownThingError(FlowError):
    """There is nothing of that name whose lineage could be told."""

    code = "unknown-thing"


class RefusedError(FlowError):
    """The gate refused the candidate; what served before, if anything, goes on serving."""

    code = "refused"


class NothingReleasedError(FlowError):
    """No release is there to serve or to inspect."""

    code = "nothing-released"


class StudyChangedError(FlowError):
    """A study of that name is there, and is about something else."""

    code = "study-changed"


class NothingFoundError(FlowError):
    """No setting was judged to the end."""

    code = "nothing-found"


class TimeUpError(FlowError):
    """The time that was given is over."""

    code = "time-up"
    retryable = True


class BackupError(FlowError):
    """A back-up cannot be written, read or restored."""

    code = "backup"
