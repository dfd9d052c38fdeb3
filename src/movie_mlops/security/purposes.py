"""What data of a person is kept for."""

from enum import StrEnum


class Purpose(StrEnum):
    """What data of a person is kept for."""

    HISTORY = "history"
    """What they did with films: lists are chosen by it, and models learn from it."""
    PROFILE = "profile"
    """What is known of them besides: gender, age, occupation, postcode."""
    ANSWERS = "answers"
    """Which lists they were given: passports, experiments, the quality of lists."""
