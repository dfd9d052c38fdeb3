"""A movie-recommendation MLOps platform: one room per concern, imports go down the house."""

__version__ = "0.1.0"
