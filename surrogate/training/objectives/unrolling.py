"""A stepper on its way from the states of a batch."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from surrogate.operator import Stepper
from surrogate.training.objectives.objective import Batch


class Unrolling:
    """Steps one after the other, as in a rollout: each from the frames of the one before."""

    def __init__(self, model: Stepper, batch: Batch) -> None:
        self._model, self._batch, self._frame = model, batch, 0
        self._carry = model.init(batch["x"], batch.get("static"), batch.get("parameters"))

    def step(self) -> Tensor:
        """Return the next ``horizon`` frames."""
        forcing = forcing_at(self._frame, self._model, self._batch)
        self._carry, new = self._model.step(self._carry, forcing)
        self._frame += self._model.horizon
        return new

    def detach(self) -> None:
        """Let no gradient pass from later steps to earlier ones."""
        self._carry = pytree.tree_map(_detached, self._carry)


def forcing_at(frame: int, model: Stepper, batch: Batch) -> Tensor | None:
    """Return the forcing of a batch, so many frames after the last known one."""
    forcing, count = batch.get("forcing"), len(model.forcing_fields)
    return None if forcing is None else forcing[:, frame * count : (frame + 1) * count]


def _detached(leaf: Any) -> Any:
    return leaf.detach() if isinstance(leaf, Tensor) else leaf
