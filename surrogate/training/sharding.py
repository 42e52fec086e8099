"""Weights that are spread over processes, and gathered again."""

from __future__ import annotations

import copy

from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.training.module import TrainingModule
from surrogate.training.recomputing import blocks


class ShardedModule(TrainingModule):
    """A copy of a training module whose weights are spread over the processes, block by block, when training begins.

    Raises
    ------
    InputError
        A weight is complex.
    """

    def __init__(self, module: TrainingModule) -> None:
        for name, parameter in module.model.named_parameters():
            if parameter.is_complex():
                do = "Keep it as real numbers (torch.view_as_real), or use the strategy 'ddp'."
                raise expected("real weights to shard", f"the complex {name!r}", do)
        super().__init__(copy.deepcopy(module.model), module.objective, module.recipe)

    def configure_model(self) -> None:
        """Spread the weights."""
        from torch.distributed.fsdp import fully_shard

        mesh = self.device_mesh
        assert mesh is not None
        for part in [*blocks(self.model.network), self.model]:
            fully_shard(part, mesh=mesh["data_parallel"])


def is_sharded(tensor: Tensor) -> bool:
    """Return whether this process has only a part of the tensor (a ``DTensor``)."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """Return a copy on the host, gathered from all processes if each has a part: then all of them must call."""
    gathered: Tensor = tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]
    return gathered.detach().cpu().clone()


def shared_as(like: Tensor, tensor: Tensor) -> Tensor:
    """Return a tensor on the device of ``like``, spread over the processes as ``like`` is."""
    if not is_sharded(like) or is_sharded(tensor):
        return tensor.to(like.device)
    from torch.distributed.tensor import DTensor, distribute_tensor

    assert isinstance(like, DTensor)
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements)
