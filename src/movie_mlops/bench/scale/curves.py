"""Which costs of which work are followed, by what they grow, and in what shape."""

from typing import Final, NamedTuple

from movie_mlops.bench.scale.growth import Form


class Curve(NamedTuple):
    """A cost.

    Attributes:
        job: Of which work.
        cost: Which of its costs.
        unit: In what it is measured.
        driver: By the number of what it grows.
        form: In what shape, by what the work does.
        what: The cost in words, as a line of a plan names it.
    """

    job: str
    cost: str
    unit: str
    driver: str
    form: Form
    what: str

    @property
    def name(self) -> str:
        """What a plan calls it."""
        return f"{self.job}.{self.cost}"


CPU: Final = ("cpu_seconds", "core-seconds")
"""A cost, and its unit."""
_PEAK: Final = ("peak_memory_bytes", "bytes")
_LINEAR: Final = Form.LINEAR

# Ingest goes piece by piece, so its memory is bounded; how it gets there is told best by a root, as was seen. So do
# features, whose pieces are bounded by the configuration. What was freed is kept for ten seconds: until the work takes
# longer than that, what it keeps grows with it, and then no more.
CURVES: Final = (
    Curve("ingest", *CPU, "interactions", Form.FILLING, "processor time to bring interactions in"),
    Curve("ingest", "bytes", "bytes", "interactions", _LINEAR, "size of the lake"),
    Curve("ingest", *_PEAK, "interactions", Form.ROOT, "peak memory while interactions come in"),
    Curve("features", *CPU, "interactions", _LINEAR, "processor time to compute features and fill the online store"),
    Curve("features", "bytes", "bytes", "interactions", _LINEAR, "size of the online store's record"),
    Curve("features", *_PEAK, "interactions", Form.BOUNDED, "peak memory while features are computed"),
    Curve("events", *CPU, "events", _LINEAR, "processor time to record events and apply them"),
    Curve("events", "worker_cpu_seconds", "core-seconds", "events", _LINEAR, "processor time of the worker"),
    Curve("events", "bytes", "bytes", "events", _LINEAR, "growth of the state by events"),
    Curve("events", "lake_bytes", "bytes", "events", _LINEAR, "growth of the lake by events"),
    Curve("events", "envelope_bytes", "bytes", "events", Form.CONSTANT, "size of one event's envelope"),
    Curve("train", *CPU, "likes", _LINEAR, "processor time to train iALS"),
    Curve("train", *_PEAK, "likes", _LINEAR, "peak memory while iALS trains"),
    Curve("train-films", *CPU, "films", Form.CUBIC, "processor time to train EASE"),
    Curve("train-films", *_PEAK, "films", Form.SQUARE, "peak memory while EASE trains"),
    Curve("evaluate", *CPU, "user-film pairs", _LINEAR, "processor time to judge a model"),
    Curve("evaluate", *_PEAK, "user-film pairs", _LINEAR, "peak memory while a model is judged"),
    Curve("serve", *CPU, "films", _LINEAR, "processor time of one answer"),
    Curve("serve", "private_bytes", "bytes", "films", _LINEAR, "memory of one server process that it shares with none"),
    Curve("serve", "shared_bytes", "bytes", "films", _LINEAR, "memory that all servers of a machine share"),
    Curve("serve", "bundle_bytes", "bytes", "films", _LINEAR, "size of a bundle"),
    Curve("serve", "answer_bytes", "bytes", "films", Form.CONSTANT, "size of one answer"),
    Curve("serve", "kept_bytes", "bytes", "films", Form.CONSTANT, "what is kept of one answer"),
)
