"""What people may ask of their own data: to have it erased everywhere, and to get it."""

from movie_mlops.flows.erasure.erase import check_not_returned, erase, erase_returned, plan
from movie_mlops.flows.erasure.exporting import export
from movie_mlops.flows.erasure.receipts import read_receipt
from movie_mlops.flows.erasure.rights import PlatformRights
from movie_mlops.flows.erasure.withdraw import carry_out, note_consent

__all__ = [
    "PlatformRights",
    "carry_out",
    "check_not_returned",
    "erase",
    "erase_returned",
    "export",
    "note_consent",
    "plan",
    "read_receipt",
]
