"""Power laws through measured errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from surrogate.datasets.errors import expected

_DRAWS = 20_000


@dataclass(frozen=True)
class PowerLaw:
    r"""The law :math:`e = a\, n^{-b}`, fitted to the logarithms by least squares.

    Attributes
    ----------
    factor, exponent
        a and b.
    low, high
        95 % interval of b, from the scatter about the law (Student's t).
    """

    factor: float
    exponent: float
    low: float
    high: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    freedom: int

    @classmethod
    def fit(cls, n: Sequence[float | int], errors: Sequence[float | int]) -> PowerLaw:
        """Return the law through pairs of ``n`` and error.

        Raises
        ------
        InputError
            Fewer than three pairs or two different n; an error that is not positive and finite.
        """
        from scipy.stats import t as student

        if len(errors) < 3 or len(set(n)) < 2 or not all(0 < e < math.inf for e in errors):
            got = f"{len(errors)} errors between {min(errors):.3g} and {max(errors):.3g} at {len(set(n))} sizes"
            raise expected("three positive errors at two sizes or more", got, "Give more sizes or seeds.")
        matrix = np.stack([np.ones(len(n)), -np.log(n)], axis=1)
        logs, freedom = np.log(errors), len(errors) - 2
        (offset, exponent), *_ = np.linalg.lstsq(matrix, logs, rcond=None)
        residual = logs - matrix @ (offset, exponent)
        covariance = np.linalg.inv(matrix.T @ matrix) * (residual @ residual) / freedom
        half = float(student.ppf(0.975, freedom) * math.sqrt(covariance[1, 1]))
        rows = tuple((float(row[0]), float(row[1])) for row in covariance)
        return cls(math.exp(offset), float(exponent), exponent - half, exponent + half, (rows[0], rows[1]), freedom)

    def __call__(self, n: float | int | np.ndarray) -> float | np.ndarray:
        """Return the error at ``n``."""
        return self.factor * np.asarray(n, dtype=np.float64) ** -self.exponent

    def band(self, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the 95 % interval of the law at ``n``."""
        from scipy.stats import t as student

        matrix = np.stack([np.ones(len(n)), -np.log(n)], axis=1)
        half = student.ppf(0.975, self.freedom) * np.sqrt(np.einsum("ni,ij,nj->n", matrix, self.covariance, matrix))
        return self(n) * np.exp(-half), self(n) * np.exp(half)

    def needed(self, error: float) -> tuple[float, float, float]:
        """Return the n at which the law reaches ``error``, and its 95 % interval; infinite where it never does.

        The interval is that of the law's two coefficients, drawn from their joint distribution.
        """
        if not error > 0:
            raise expected("a positive error", error, "Say how accurate the surrogate must be.")
        rng = np.random.default_rng(0)
        scale = np.sqrt(self.freedom / rng.chisquare(self.freedom, _DRAWS))
        normal = rng.multivariate_normal(np.zeros(2), np.array(self.covariance), _DRAWS) * scale[:, None]
        offsets, exponents = math.log(self.factor) + normal[:, 0], self.exponent + normal[:, 1]
        low, high = np.quantile(_reaching(offsets, exponents, error), [0.025, 0.975], method="inverted_cdf")
        middle = _reaching(np.array([math.log(self.factor)]), np.array([self.exponent]), error)[0]
        return float(middle), float(low), float(high)


def _reaching(offsets: np.ndarray, exponents: np.ndarray, error: float) -> np.ndarray:
    """Return the n with ``offset - exponent log n = log error``; infinite for a law that does not fall."""
    falling = exponents > 0
    logs = np.divide(offsets - math.log(error), exponents, out=np.full(len(offsets), np.inf), where=falling)
    reached: np.ndarray = np.exp(np.minimum(logs, np.where(falling, 700.0, np.inf)))  # no overflow, which would warn
    return reached
