"""Settings and weights of the public implementation of MgNO, turned into ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from surrogate.datasets.errors import expected

DEEP = [[1, 0]] * 5 + [[2, 0]]
RECIPE = {"epochs": 500, "learning_rate": 5e-4, "weight_decay": 1e-4, "warmup": 0.2, "batch_size": 8}

VARIANTS: dict[str, dict[str, Any]] = {  # what the reference's classes fix
    "MgNO_DC": {},
    "MgNO_DC_smooth": {"options": {"up_kernels": [3, 4, 3, 3, 4]}},
    "MgNO_NS": {
        "periodic": True,
        "resolution": [64, 64],
        "options": {"bypass": False, "norm": "cycle", "increment": True, "boundary_in_prolongation": False},
    },
    "MgNO_helm": {
        "boundary": "neumann",
        "resolution": [101, 101],
        "options": {
            "smoothing_bias": True,
            "bypass": False,
            "growing_channels": True,
            "up_kernels": [3, 4, 4, 3],
            "restriction_padding": 0,
            "boundary_in_prolongation": False,
            "norm": "layer",
            "head": "cycle",
        },
    },
}

PUBLISHED: dict[str, dict[str, dict[str, Any]]] = {
    "darcy": {"network": {"in_channels": 1, "out_channels": 1, "n_smoothing": DEEP}, "training": RECIPE},
    "darcy_smooth": {
        "network": {
            "in_channels": 1,
            "out_channels": 1,
            "n_layers": 5,
            "n_smoothing": DEEP,
            **VARIANTS["MgNO_DC_smooth"],
        },
        "training": RECIPE,
    },
    "pipe": {
        "network": {
            "in_channels": 2,
            "out_channels": 1,
            "n_layers": 5,
            "n_smoothing": [[1, 0]] * 4 + [[1, 1], [2, 0]],
        },
        "training": {**RECIPE, "learning_rate": 3e-4, "batch_size": 4},
    },
    "navier_stokes": {
        "network": {
            "in_channels": 1,
            "out_channels": 1,
            "hidden_channels": 32,
            "n_layers": 5,
            "n_smoothing": [[1, 0]] * 3 + [[2, 0]] * 2,
            **VARIANTS["MgNO_NS"],
            "options": {**VARIANTS["MgNO_NS"]["options"], "smoothing_bias": True},
        },
        "training": {**RECIPE, "learning_rate": 1e-3, "weight_decay": 1e-5, "warmup": 0.1, "batch_size": 500},
    },
    "helmholtz": {
        "network": {
            "in_channels": 1,
            "out_channels": 1,
            "hidden_channels": 20,
            "n_smoothing": [[1, 0]] * 4 + [[2, 0]],
            **VARIANTS["MgNO_helm"],
        },
        "training": {**RECIPE, "epochs": 100, "learning_rate": 3e-4, "weight_decay": 1e-5, "batch_size": 10},
    },
}

OFF: dict[str, tuple[Any, ...]] = {  # settings that we do not have, and the values that mean their absence
    "mlp_hidden_dim": (None, 0),
    "elementwise_affine": (None, True),
    "normalizer": (None,),
}
PADDINGS = {"zeros": ("dirichlet", False), "reflect": ("neumann", False), "circular": ("dirichlet", True)}

RENAMED = {
    r"^conv_list\.(\d+)\.": r"layers.\1.cycle.",
    r"^linear_list\.(\d+)\.": r"layers.\1.bypass.",
    r"^norm_layer_list\.(\d+)\.": r"layers.\1.norm.",
    r"^(linear|last_layer)\.": "head.",
    r"\.norm_layer_list\.": ".norms.",
    r"\.RTlayers\.(\d+)\.": r".up.\1.convolution.",
}


def arguments(config: Mapping[str, Any], reference: str) -> dict[str, Any]:
    """Return our constructor arguments for those of the reference's class.

    Raises
    ------
    InputError
        Unknown class, or a setting is switched on that we do not have.
    """
    if reference not in VARIANTS:
        raise expected(f"a reference out of {', '.join(VARIANTS)}", repr(reference), "Correct the name.")
    for name, values in OFF.items():
        if name in config and config[name] not in values:
            raise expected(f"{name} = {values[-1]!r}", repr(config[name]), "This variant has no counterpart here.")
    fixed = VARIANTS[reference]
    padding = config.get("padding_mode", "zeros")
    if padding not in PADDINGS:
        raise expected(f"padding_mode out of {', '.join(PADDINGS)}", repr(padding), "Correct the name.")
    boundary, periodic = PADDINGS[padding]
    options: dict[str, Any] = {"boundary_in_prolongation": False, "activation": config.get("activation", "gelu")}
    if reference == "MgNO_NS":
        options["smoothing_bias"] = config.get("bias", False)
    return {
        "in_channels": config["num_channel_f"],
        "out_channels": 1,
        "hidden_channels": config["num_channel_u"],
        "n_layers": config["num_layer"],
        "n_smoothing": [[n, 0] if isinstance(n, int) else list(n) for n in config["num_iteration"]],
        "residual_restriction": config.get("use_res", False),
        "boundary": boundary,
        "periodic": periodic,
        **fixed,
        "options": {**options, **fixed.get("options", {})},
    }


def weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return our state dict for the reference's."""
    return {_renamed(name): value for name, value in state.items() if ".layer0.0.A." not in name}


STEP = re.compile(r"\.(layer|post_smooth_layer)(\d+)\.(\d+)\.(\w+)\.")
KERNELS = {"S": "smoother", "A": "operator", "R": "of_f", "Pi": "of_u"}


def _renamed(name: str) -> str:
    name = STEP.sub(_step, name)
    for pattern, new in RENAMED.items():
        name = re.sub(pattern, new, name)
    return name


def _step(match: re.Match[str]) -> str:
    """Return our name of a kernel; on the way down their entry 0 of a level is what leads to it, or starts."""
    side, level, entry, kernel = match[1], int(match[2]), int(match[3]), match[4]
    if side == "post_smooth_layer":
        place = f"after.{level}.{entry}.{KERNELS[kernel]}"
    elif entry > 0:
        place = f"before.{level}.{entry - 1}.{KERNELS[kernel]}"
    else:
        place = "first" if level == 0 else f"down.{level - 1}.{KERNELS[kernel]}"
    return f".{place}.convolution."
