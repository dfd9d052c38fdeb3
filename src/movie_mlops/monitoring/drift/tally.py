"""How rows are spread over cells, with what is needed to know how sure that is: users are independent, rows are not.

Each user has one vote, whatever they did: the shares of their own rows in each cell. The mean of these votes does not
lean towards who does much, and how far they scatter tells how sure it is, however much the rows of a user have in
common. Where rows are independent each row votes.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DIGITS: Final = 10
"""Decimals that are kept: sums over the same users in another order differ in the last bits only."""

_BLOCK: Final = 1 << 16


@dataclass(frozen=True)
class Tally:
    """Votes on cells.

    Attributes:
        units: How many vote: users, or rows where each is independent.
        sums: float64[cells], the sum of the votes.
        products: float64[cells, cells], the sum of their outer products.
    """

    units: int
    sums: Floats
    products: Floats

    @classmethod
    def of_rows(cls, counts: NDArray[np.int64]) -> Self:
        """Return the tally of independent rows, of which each cell has so many."""
        sums = counts.astype(np.float64)
        return cls(int(counts.sum()), sums, np.diag(sums))

    @classmethod
    def of_users(cls, cells: NDArray[np.int64], owners: NDArray[np.int64], many: int) -> Self:
        """Return the tally of rows that belong to users.

        Args:
            cells: int64[rows], the cell of each row.
            owners: int64[rows], whose it is, numbered from 0.
            many: How many cells there are.
        """
        order = np.argsort(owners, kind="stable")
        owners, cells = owners[order], cells[order]
        sums, products, units = np.zeros(many), np.zeros((many, many)), 0
        begins = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]]) if owners.size else np.zeros(0, np.int64)
        ends = np.r_[begins[1:], owners.size].astype(np.int64)
        for start in range(0, begins.size, _BLOCK):
            first, last = begins[start], ends[min(start + _BLOCK, begins.size) - 1]
            rows_of = ends[start : start + _BLOCK] - begins[start : start + _BLOCK]
            place = np.repeat(np.arange(rows_of.size), rows_of) * many + cells[first:last]
            votes = np.bincount(place, minlength=rows_of.size * many).reshape(-1, many) / rows_of[:, None]
            sums += votes.sum(axis=0)
            products += votes.T @ votes
            units += rows_of.size
        return cls(units, np.round(sums, _DIGITS), np.round(products, _DIGITS))

    @property
    def shares(self) -> Floats:
        """float64[cells], the mean vote."""
        return self.sums / max(self.units, 1)

    @property
    def scatter(self) -> Floats:
        """float64[cells, cells], the covariance of one vote."""
        shares = self.shares
        scatter: Floats = (self.products / max(self.units, 1) - np.outer(shares, shares)) * (
            self.units / max(self.units - 1, 1)
        )
        return scatter

    def merge(self, other: "Tally") -> "Tally":
        """Return the tally of both; exact where no user is in both."""
        return Tally(self.units + other.units, self.sums + other.sums, self.products + other.products)

    def grouped(self, groups: NDArray[np.int64]) -> "Tally":
        """Return the tally of fewer cells: ``groups`` says which each goes to."""
        join = np.zeros((int(groups.max()) + 1, groups.size))
        join[groups, np.arange(groups.size)] = 1.0
        return Tally(self.units, join @ self.sums, join @ self.products @ join.T)

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data; of the products one half, for the other is the same."""
        half = self.products[np.triu_indices(self.sums.size)]
        return {"units": self.units, "sums": self.sums.tolist(), "products": half.tolist()}

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """Return what :meth:`to_json` told."""
        sums = np.array(told["sums"], np.float64)
        products = np.zeros((sums.size, sums.size))
        upper = np.triu_indices(sums.size)
        products[upper] = told["products"]
        products.T[upper] = told["products"]
        return cls(int(told["units"]), sums, products)
