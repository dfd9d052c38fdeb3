"""Readings: what jobs measured now and then, the newest of each."""

import math

import pytest

from movie_mlops.monitoring import MonitoringConfig, MonitoringError, newest_readings, note
from movie_mlops.state import Database, StateConfig


@pytest.fixture
def database(tmp_path):
    return Database(StateConfig(f"sqlite:///{tmp_path / 'state.db'}"))


def test_the_newest_reading_of_each_name_and_label_set_is_told(database):
    """One number for each name and set of labels: the last that was read."""
    note(database, "movie_mlops_b_ratio", 0.25)
    note(database, "movie_mlops_a_seconds", 1.0, {"view": "users"})
    note(database, "movie_mlops_a_seconds", 2.0, {"view": "films"})
    note(database, "movie_mlops_a_seconds", 3.0, {"view": "users"})
    found = [(one.name, dict(one.labels), one.value) for one in newest_readings(database)]
    assert found == [
        ("movie_mlops_a_seconds", {"view": "films"}, 2.0),
        ("movie_mlops_a_seconds", {"view": "users"}, 3.0),
        ("movie_mlops_b_ratio", {}, 0.25),
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_refused_and_the_reading_before_it_stays(database, value):
    """A reading that is no number takes no other's place."""
    note(database, "movie_mlops_a_seconds", 1.0)
    with pytest.raises(MonitoringError, match="no number"):
        note(database, "movie_mlops_a_seconds", value)
    assert [one.value for one in newest_readings(database)] == [1.0]


def test_a_label_that_explodes_is_refused_and_those_that_are_known_go_on(database):
    """A label with a value for each user does not fill the database; what is known is still kept."""
    config = MonitoringConfig(most_labels=3)
    for user in "abc":
        note(database, "movie_mlops_a_seconds", 1.0, {"user": user}, config=config)
    with pytest.raises(MonitoringError, match="3 label sets"):
        note(database, "movie_mlops_a_seconds", 1.0, {"user": "d"}, config=config)
    note(database, "movie_mlops_a_seconds", 2.0, {"user": "c"}, config=config)
    note(database, "movie_mlops_b_seconds", 1.0, config=config)
    assert len(newest_readings(database)) == 4
