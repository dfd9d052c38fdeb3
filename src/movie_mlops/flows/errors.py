"""What can go wrong when rooms are joined."""

from movie_mlops.core.errors import MovieMlopsError


class FlowError(MovieMlopsError):
    """A flow cannot start or go on."""

    code = "flow"


class BusyError(FlowError):
    """Another process is running a flow on the same data set."""

    code = "busy"
    retryable = True


class RefusedError(FlowError):
    """The gate refused the candidate; what served before, if anything, goes on serving."""

    code = "refused"


class NothingReleasedError(FlowError):
    """No release is there to serve or to inspect."""

    code = "nothing-released"
