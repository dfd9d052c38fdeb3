"""Pieces of a lake, in a folder, in one with an odd name and on S3: what a worker is sent is enough to read them."""

import polars as pl
from polars.testing import assert_frame_equal

from movie_mlops.lake import INTERACTIONS, LakeConfig, pieces
from tests.fixtures.stage_8.crowd import crowd
from tests.fixtures.stage_8.elsewhere import Elsewhere


def collected(_shared: None, piece: pl.LazyFrame) -> pl.DataFrame:
    return piece.collect()


def test_a_piece_can_be_read_by_whom_it_is_sent_to(lake_config: LakeConfig) -> None:
    """Address, keys and slice of each piece travel with it as bytes; what comes back is together the table."""
    lake = crowd(lake_config, rows=90, files=3)
    sent = [piece for piece, _ in pieces(lake, INTERACTIONS, most_rows=20)]
    assert len(sent) == 6
    assert_frame_equal(pl.concat(Elsewhere().each(collected, None, sent)), lake.scan(INTERACTIONS).collect())
