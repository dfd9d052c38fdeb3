"""What people may ask of their own data: to have it erased everywhere, and to get it."""

from movie_mlops.flows.erasure.erase import check_not_returned, erase, erase_returned, plan
from movie_mlops.flows.erasure.exporting import export
from movie_mlops.flows.erasure.receipts import read_receipt
from movie_mlops.flows.erasure.rights import PlatformRights

__all__ = [
    "PlatformRights",
    "check_not_returned",
    "erase",
    "erase_returned",
    "export",
    "plan",
    "read_receipt",
]
