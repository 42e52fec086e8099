"""Linear predictions on grids, fitted to the training part."""

from __future__ import annotations

import torch
import xarray as xr
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.pod import POD
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.evaluation.ridge_fit import RidgeFit
from surrogate.evaluation.schedule import Schedule
from surrogate.operator import Operator, Stepper

_ENERGY = 1 - 1e-8
# Numbers in the frames that the modes are fitted to: their singular values take seconds.
_MODE_NUMBERS, _MODE_FRAMES = 2**25, 1024


class LinearStep(Stepper):
    r"""The linear map :math:`a(t + \Delta t) = \bar a + (a(t) - \bar a) W` of the coefficients of principal modes.

    Dynamic mode decomposition with a ridge penalty: the modes hold all but 1e-8 of the energy of the training part (of
    its first samples where it is large), the map is fitted to all its pairs of frames. Exact where the equation is
    linear and its state lies in the modes.

    Parameters
    ----------
    training
        The training part.
    names
        Fields of the state.
    schedule
        Its step is the time between two compared frames.
    """

    def __init__(self, training: xr.Dataset, names: tuple[str, ...], schedule: Schedule) -> None:
        super().__init__()
        self.in_fields = self.out_fields = names
        self.domain, self.dt = Grid.from_fields(training), schedule.stride * schedule.dt
        frames = to_tensor(training, names, torch.float64)
        count = max(2, min(_MODE_FRAMES, _MODE_NUMBERS // frames[0, 0].numel()) // frames.shape[1])
        self.pod = POD(training.isel(sample=slice(count)), names, energy=_ENERGY)
        series = self.pod.encode(frames.flatten(0, 1)).reshape(*frames.shape[:2], -1)
        before, after = series[:, : -schedule.stride], series[:, schedule.stride :]
        self.fit = RidgeFit(before.flatten(0, 1), after.flatten(0, 1))

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        """Return the state one step later."""
        return self.pod.decode(self.fit(self.pod.encode(state)))


class SteadyLinearMap(Operator):
    """The linear map from the input fields to the answers: see `RidgeFit`.

    Parameters
    ----------
    training
        The training part.
    in_fields, out_fields
        Names of inputs and targets.
    """

    def __init__(self, training: xr.Dataset, in_fields: tuple[str, ...], out_fields: tuple[str, ...]) -> None:
        super().__init__()
        self.in_fields, self.out_fields = in_fields, out_fields
        self.domain = Grid.from_fields(training)
        x, y = (to_tensor(training, names, torch.float64).flatten(1) for names in (in_fields, out_fields))
        few = max(2, 8 * _MODE_NUMBERS // max(x.shape[1], y.shape[1]))
        self.fit = RidgeFit(x[:few], y[:few])

    def forward(self, x: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Tensor:
        """Return the linear prediction."""
        answer: Tensor = self.fit(x.flatten(1))
        return answer.reshape(len(x), len(self.out_fields), *self.domain.shape)
