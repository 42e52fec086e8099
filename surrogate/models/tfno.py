"""The tensorized Fourier neural operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from surrogate.datasets.errors import expected
from surrogate.models.fno import FNO


class TFNO(FNO):
    r"""Fourier neural operator whose spectral weights are low-rank tensors in Tucker form.

    .. math:: W_{io}(k) = \sum_{a, b, c} C_{abc}\, U_{ia} V_{ob} \prod_j Z^{(j)}_{k_j c_j}

    All else is as in `FNO`, of which the parameters not listed here are.

    Parameters
    ----------
    rank
        Number of spectral weights relative to that of `FNO`, between 0 and 1.

    Raises
    ------
    InputError
        A rank not between 0 and 1; otherwise as in `FNO`.

    References
    ----------
    J. Kossaifi et al., "Multi-Grid Tensorized Fourier Neural Operator for High-Resolution PDEs", TMLR 2024,
    arXiv:2310.00120.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dim: int = 2,
        hidden_channels: int = 32,
        n_layers: int = 4,
        n_modes: int | Sequence[int] = 12,
        rank: float = 0.1,
        periodic: bool | Sequence[bool] = False,
        parameter_channels: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if not 0 < rank <= 1:
            raise expected("a rank between 0 and 1", rank, "Give the fraction of the spectral weights to keep.")
        super().__init__(
            in_channels,
            out_channels,
            dim=dim,
            hidden_channels=hidden_channels,
            n_layers=n_layers,
            n_modes=n_modes,
            periodic=periodic,
            parameter_channels=parameter_channels,
            options=options,
        )
        self.rank = rank
        for convolution in self.blocks.convs:
            convolution.factorize(rank)
