"""The implicit Fourier neural operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.models.fno import FNO


class IFNO(FNO):
    r"""Implicit Fourier neural operator: one Fourier layer for all steps, each of size :math:`1/L`.

    .. math:: x \leftarrow x + \frac{1}{L}\, \phi(\mathcal K x + W x + c)

    They are explicit Euler steps over a time of 1, so that weights trained with L steps are a start for more of them.
    All else is as in `FNO`, of which the parameters not listed here are.

    Parameters
    ----------
    n_iterations
        L, the number of steps. Weights do not depend on it.
    options
        As in `FNO`, but without channel networks where ``use_channel_mlp`` does not ask for them.

    Raises
    ------
    InputError
        No iterations; otherwise as in `FNO`.

    References
    ----------
    H. You, Q. Zhang, C. J. Ross, C.-H. Lee, Y. Yu, "Learning Deep Implicit Fourier Neural Operators (IFNOs) with
    Applications to Heterogeneous Material Modeling", Comput. Methods Appl. Mech. Eng. 398, 2022, arXiv:2203.08205.
    """

    OPTIONS: ClassVar[Mapping[str, Any]] = {**FNO.OPTIONS, "use_channel_mlp": False}

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 32,
        n_iterations: int = 8,
        n_modes: int | Sequence[int] = 12,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if n_iterations < 1:
            raise expected("n_iterations of at least 1", n_iterations, "One step is a plain residual layer.")
        super().__init__(
            in_channels,
            out_channels,
            dim=dim,
            hidden_channels=hidden_channels,
            n_layers=1,
            n_modes=n_modes,
            periodic=periodic,
            parameter_channels=parameter_channels,
            options=options,
        )
        self.n_iterations = n_iterations

    def evolve(self, features: Float[Tensor, "batch feature *space"]) -> Float[Tensor, "batch feature *space"]:
        """Return the features after all steps."""
        for _ in range(self.n_iterations):
            features = features + F.gelu(self.blocks(features)) / self.n_iterations
        return features
