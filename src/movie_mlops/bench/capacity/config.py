"""What a plan counts with besides what was measured: prices, how full machines may be, and what people do."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Machine(BaseModel):
    """A kind of machine that may be rented."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=80)]
    cores: Annotated[int, Field(gt=0)]
    memory_gib: Positive
    price_per_hour: Price


_MACHINES = (
    Machine(name="16 cores and 64 GiB", cores=16, memory_gib=64, price_per_hour=0.70),
    Machine(name="32 cores and 128 GiB", cores=32, memory_gib=128, price_per_hour=1.40),
    Machine(name="16 cores and 128 GiB", cores=16, memory_gib=128, price_per_hour=0.95),
    Machine(name="64 cores and 512 GiB", cores=64, memory_gib=512, price_per_hour=3.80),
    Machine(name="96 cores and 1536 GiB", cores=96, memory_gib=1536, price_per_hour=9.00),
)


class CapacityConfig(BaseModel):
    """What ``config/capacity.yaml`` may say; what each is for stands there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: Annotated[str, Field(min_length=1, max_length=8)] = "USD"
    machines: Annotated[tuple[Machine, ...], Field(min_length=1, max_length=100)] = _MACHINES
    object_gib_month: Price = 0.023
    disk_gib_month: Price = 0.10
    network_gib: Price = 0.05
    busy: Share = 0.6
    memory_used: Share = 0.8
    zones: Annotated[int, Field(ge=1, le=100)] = 3
    copies: Annotated[int, Field(ge=1, le=100)] = 3
    peak_to_mean: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 3.0
    interactions_per_user: Positive = 165.0
    likes_share: Share = 0.575
    events_per_user_day: Positive = 5.0
    judged_users: Annotated[int, Field(gt=0)] = 100_000
    answers_kept_days: Positive = 30.0
    trainings_per_month: Positive = 30.0
    training_hours: Positive = 8.0
    parallel: Share = 0.7
    partition_mib_second: Positive = 5.0
    broker_mib_second: Positive = 60.0
