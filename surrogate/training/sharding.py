"""Weights that are spread over processes, and gathered again."""

from __future__ import annotations

from torch import Tensor


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
