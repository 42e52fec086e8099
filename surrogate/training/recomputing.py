"""Gradient checkpointing: activations within blocks are computed again where the gradient needs them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from surrogate.datasets.errors import expected
from surrogate.operator import Stepper

_LISTS = (nn.ModuleList, nn.ModuleDict, nn.Sequential)


@contextmanager
def recomputing(network: nn.Module, active: bool) -> Iterator[None]:
    """Let the blocks of ``network`` keep only what enters them; while the context lasts, and if it is ``active``.

    Blocks are the outermost modules in lists (``nn.ModuleList``, ``nn.Sequential``), but for single layers of torch; or
    those that the network names in its attribute ``recomputed``.

    Raises
    ------
    InputError
        No blocks, or a batch normalization within, whose statistics would count everything twice.
    """
    found = blocks(network) if active else []
    if active and not found:
        do = "Name its largest parts in an attribute `recomputed`."
        raise expected("a network with blocks in a list to checkpoint", type(network).__name__, do)
    for block in found:
        if any(isinstance(part, _BatchNorm) for part in block.modules()):
            do = "Use another normalization, or no gradient checkpointing."
            raise expected("blocks without batch normalization to checkpoint", type(block).__name__, do)
    for block in found:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    try:
        yield
    finally:
        for block in found:
            del block.forward


def blocks(network: nn.Module) -> list[nn.Module]:
    """Return the modules whose activations are computed again: see `recomputing`."""
    if isinstance(network, Stepper):
        return []  # a solver within a `Corrected`
    if named := getattr(network, "recomputed", ()):
        return [network.get_submodule(name) for name in named]
    found: list[nn.Module] = []
    for child in network.children():
        single = not list(child.children()) and type(child).__module__.startswith("torch.nn.")
        within = blocks(child) if isinstance(child, _LISTS) or not isinstance(network, _LISTS) else []
        own = isinstance(network, _LISTS) and not single and not within
        found += [child] if own else within
    return found
