"""Linear least squares with a penalty whose strength the data choose."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

_STRENGTHS = torch.logspace(-8, 2, 21, dtype=torch.float64)

Rows = Float[Tensor, "samples feature"]
Targets = Float[Tensor, "samples target"]


class RidgeFit(nn.Module):
    r"""The linear map :math:`y = \bar y + (x - \bar x) W` with the smallest :math:`\|Y - X W\|^2 + \lambda \|W\|^2`.

    X and Y are centered. :math:`\lambda`, the attribute ``strength``, is that with the smallest leave-one-out error
    among 21, from 1e-8 to 100 times the mean square of the rows of X.

    Parameters
    ----------
    x, y
        What enters and leaves, a row for each sample, float64.
    """

    center: Tensor
    mean: Tensor
    weights: Tensor

    def __init__(self, x: Rows, y: Targets) -> None:
        super().__init__()
        center, mean = x.mean(0), y.mean(0)
        x, y = x - center, y - mean
        vectors, squares = left_vectors(x)
        projected = vectors.T @ y
        strengths = (_STRENGTHS * squares.sum() / len(x)).tolist()
        self.strength = min(strengths, key=lambda s: left_out_error(s, vectors, squares, y, projected))
        weights = x.T @ (vectors @ (projected / (squares + self.strength)[:, None]))
        for name, value in (("center", center), ("mean", mean), ("weights", weights)):
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Rows) -> Targets:
        """Return the linear prediction."""
        return self.mean + (x - self.center) @ self.weights


def left_out_error(strength: float, vectors: Tensor, squares: Tensor, y: Tensor, projected: Tensor) -> float:
    """Return the squared error of predicting each row from the others, in closed form.

    ``vectors`` and ``squares`` are left singular vectors and squared singular values of X, ``projected`` the products
    of the vectors with Y.
    """
    kept = squares / (squares + strength)
    residual = y - vectors @ (projected * kept[:, None])
    leverage = vectors.square() @ kept
    return float((residual / (1 - leverage)[:, None]).square().sum())


def left_vectors(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return left singular vectors and squared singular values of X, without those that are round-off."""
    if x.shape[0] <= x.shape[1]:
        squares, vectors = torch.linalg.eigh(x @ x.T)
    else:
        squares, right = torch.linalg.eigh(x.T @ x)
        vectors = x @ right / squares.clamp(min=torch.finfo(torch.float64).tiny).sqrt()
    kept = squares > len(squares) * torch.finfo(torch.float64).eps * squares.max()
    return vectors[:, kept], squares[kept]
