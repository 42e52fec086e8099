"""The linear forecast in closed form."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.forecasters.forecaster import Forecaster
from surrogate.layers.rev_in import RevIN
from surrogate.layers.series_linear import SeriesLinear

Pairs = Iterable[tuple[Tensor, Tensor]]


class Ridge(Forecaster):
    r"""The best linear map :math:`y = W x + b` of normalized windows, solved for instead of trained.

    With :math:`x, y` in units of the mean and deviation of each window (`RevIN`) and one :math:`W, b` for all series,

    .. math:: W, b = \arg\min \sum \lVert y - W x - b \rVert^2
              + \lambda\,\mathrm{tr}(G)/L\,(\lVert W \rVert^2 + \lVert b \rVert^2), \qquad G = \sum x x^\top .

    Deterministic, and a matter of seconds: the forecast that any trained network has to beat. The constant :math:`b`
    learns the drift of the training part, which may or may not go on: the validation part decides whether there is one.

    Parameters
    ----------
    channels
        Number of series.
    history, horizon
        Number of values that enter and that leave.
    penalties
        Values of :math:`\lambda > 0`, from which the validation part chooses.
    constants
        Whether :math:`b` is solved for (True) or zero (False): the choices that the validation part has.
    subtract_last
        Normalize by the last value of the window instead of its mean.
    """

    def __init__(
        self,
        channels: int,
        *,
        history: int,
        horizon: int,
        penalties: Sequence[float] = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
        constants: Sequence[bool] = (False, True),
        subtract_last: bool = False,
    ) -> None:
        super().__init__(channels, history=history, horizon=horizon)
        self.penalties, self.constants, self.subtract_last = list(penalties), list(constants), subtract_last
        if not self.penalties or min(self.penalties) <= 0:
            raise expected("positive penalties", self.penalties, "Without a penalty the equations can be singular.")
        if not self.constants:
            raise expected("True or False in `constants`, or both", self.constants, "Say whether there is a constant.")
        self.rev_in = RevIN(channels, subtract_last=subtract_last)
        self.linear = SeriesLinear(history, horizon)

    def forward(self, x: Float[Tensor, "batch time channel"]) -> Float[Tensor, "batch horizon channel"]:
        """Return the forecast: see `Forecaster.forward`."""
        self.check(x)
        z, instance = self.rev_in.normalize(x)
        return self.rev_in.denormalize(self.linear(z.mT).mT, instance)

    def solve(self, training: Pairs, validation: Pairs) -> dict[str, float | bool]:
        """Set the weights from all windows of the training part, penalty and constant from the validation part.

        Both give batches ``(x, y)`` of shapes ``(batch, history, channels)`` and ``(batch, horizon, channels)``. The
        normal equations are accumulated in float64, batch by batch. Returns the penalty chosen, whether there is a
        constant, and the mean square error on the validation part.

        Raises
        ------
        InputError
            A part without windows.
        """
        known, judge = self._moments(training, weighted=False), self._moments(validation, weighted=True)
        if not known.count or not judge.count:
            raise expected("windows to learn from and to choose by", 0, "Give longer parts.")
        choices = list(itertools.product(self.penalties, self.constants))
        candidates = {choice: known.solve(*choice) for choice in choices}
        errors = {choice: judge.error(weight) for choice, weight in candidates.items()}
        best = min(errors, key=errors.__getitem__)
        state = {"weight": candidates[best][:, :-1], "bias": candidates[best][:, -1]}
        self.linear.load_state_dict(state)
        return {"penalty": best[0], "constant": best[1], "validation_loss": errors[best]}

    def _moments(self, pairs: Pairs, *, weighted: bool) -> _Moments:
        """Sum over all windows; with weights that undo the normalization of the error."""
        size, kind = self.history + 1, torch.float64
        moments = _Moments(torch.zeros(size, size, dtype=kind), torch.zeros(self.horizon, size, dtype=kind))
        for x, y in pairs:
            self.check(x)
            z, instance = self.rev_in.normalize(x.detach().double().cpu())
            target = (y.detach().double().cpu() - instance.shift) / instance.scale
            scale = instance.scale if weighted else torch.ones_like(instance.scale)
            inputs = torch.cat([z, torch.ones_like(z[:, :1])], dim=1)
            moments.add((inputs * scale).mT.flatten(0, 1), (target * scale).mT.flatten(0, 1))
        return moments


@dataclass
class _Moments:
    """Second moments of inputs with a one behind them ``(row, L + 1)`` and of targets ``(row, H)``."""

    inputs: Tensor
    mixed: Tensor
    targets: float = 0.0
    count: int = 0

    def add(self, x: Tensor, y: Tensor) -> None:
        self.inputs.addmm_(x.mT, x)
        self.mixed.addmm_(y.mT, x)
        self.targets += float(y.square().sum())
        self.count += y.numel()

    def solve(self, penalty: float, constant: bool) -> Tensor:
        """Return weights and constant ``(H, L + 1)``."""
        length = len(self.inputs) - 1
        size = float(self.inputs.diagonal()[:length].mean()) or 1.0  # all windows constant: any penalty gives zero
        kept = length + constant
        square = self.inputs[:kept, :kept] + penalty * size * torch.eye(kept, dtype=torch.float64)
        weight = torch.zeros_like(self.mixed)
        weight[:, :kept] = torch.cholesky_solve(self.mixed[:, :kept].mT, torch.linalg.cholesky(square)).mT
        return weight

    def error(self, weight: Tensor) -> float:
        """Return the mean square of ``y - weight x``."""
        square = self.targets - 2 * (weight * self.mixed).sum() + ((weight @ self.inputs) * weight).sum()
        return float(square) / self.count
