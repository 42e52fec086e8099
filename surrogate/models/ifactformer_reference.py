"""Settings and weights of the authors' implementation of IFactFormer, turned into ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.models import factformer_reference

REFERENCES: dict[str, dict[str, Any]] = {
    "IFactFormer_m": {"parallel": True},
    "IFactFormer_o": {"parallel": False},
    "IFactFormer_m/v1": {"parallel": True, "norm": "slices", "second_map": True},
    "IFactFormer_o/v1": {"parallel": False, "norm": "slices"},
}


def arguments(config: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """Return our constructor arguments for those of the reference.

    Raises
    ------
    InputError
        Unknown reference.
    """
    if reference not in REFERENCES:
        raise expected(f"a reference out of {', '.join(REFERENCES)}", repr(reference), "Correct the name.")
    variant = dict(REFERENCES[reference])
    return {
        "in_channels": config["in_dim"] * config["in_time_window"],
        "out_channels": config["out_dim"],
        "dim": 3,
        "hidden_channels": config["dim"],
        "n_layers": config["depth"],
        "n_iterations": config["n_layer"],
        "n_heads": config["heads"],
        "head_channels": config["dim_head"],
        "parallel": variant.pop("parallel"),
        "options": {
            "kernel_multiplier": config["kernel_multiplier"],
            "position_scale": 8.0,
            "in_fields": config["in_dim"],
            "small_kernels": True,
            "quadrature": False,
            **variant,
        },
    }


RENAMED = {
    **factformer_reference.RENAMED,
    r"^simple_to_out\.1\.": "decoder.maps.0.",
    r"^simple_to_out\.3\.": "decoder.maps.2.",
    r"^layers\.(\d+)\.": r"layers.\1.attention.",
    r"^positions\.(\d+)\.": r"layers.\1.position.",
}
LATER = {r"\.to_out\.2\.": ".to_out.1.", r"\.to_out\.4\.": ".to_out.3."}  # a rearrangement stands before them
SECOND_MAP = re.compile(r"^encoder\.layers\.(\d+)\.1\.(?!in_norm|to_v\.|to_in\.|to_[xyz]\.|low_rank|to_out\.)")


def weights(state: Mapping[str, Tensor], reference: str) -> dict[str, Tensor]:
    """Return our state dict for the reference's; the two matrices of a second map are known by their order."""
    table = RENAMED if reference.endswith("/v1") else LATER | RENAMED
    ours: dict[str, Tensor] = {}
    for name, value in state.items():
        second = SECOND_MAP.match(name)
        if second:
            first = f"layers.{second[1]}.second.0.weight"
            ours[f"layers.{second[1]}.second.2.weight" if first in ours else first] = value
        elif not name.endswith(".inv_freq"):
            ours[factformer_reference.renamed(name, table)] = value
    return ours
