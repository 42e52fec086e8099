"""Settings and weights of the public implementations of the linear forecasters, turned into ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from surrogate.datasets.errors import expected

# horizon 96 (illness 24) throughout; batch size and learning rate of the public scripts
RECIPES = {
    "etth1": (7, 32, 5e-3),
    "etth2": (7, 32, 5e-2),
    "ettm1": (7, 8, 1e-4),
    "ettm2": (7, 32, 1e-3),
    "exchange": (8, 8, 5e-4),
    "weather": (21, 16, 1e-4),
    "electricity": (321, 16, 1e-3),
    "traffic": (862, 16, 5e-2),
    "illness": (7, 32, 1e-2),
}
RLINEAR_RECIPES = {
    "etth1": (7, 128, 5e-3),
    "etth2": (7, 256, 5e-3),
    "ettm1": (7, 128, 5e-3),
    "ettm2": (7, 128, 5e-3),
    "weather": (21, 128, 5e-3),
    "electricity": (321, 16, 1e-3),
}
RENAMED = {"Linear_Seasonal": "linear", "Linear_Trend": "trend", "Linear": "linear"}
Configurations = dict[str, dict[str, dict[str, Any]]]


def published() -> Configurations:
    """Return the configurations of Linear, NLinear and DLinear."""
    return _configurations(RECIPES, {"epochs": 10, "patience": 3})


def published_rlinear() -> Configurations:
    """Return the configurations of RLinear."""
    return _configurations(RLINEAR_RECIPES, {"epochs": 15, "patience": 10})


def _configurations(recipes: Mapping[str, tuple[int, int, float]], shared: Mapping[str, Any]) -> Configurations:
    schedule = {"optimizer": "Adam", "loss": "mse", "schedule": "halved after every epoch from the second on"}
    return {
        name: {
            "network": {
                "channels": channels,
                "history": 104 if name == "illness" else 336,
                "horizon": 24 if name == "illness" else 96,
            },
            "training": {**shared, **schedule, "batch_size": batch_size, "learning_rate": learning_rate, "seed": 2021},
        }
        for name, (channels, batch_size, learning_rate) in recipes.items()
    }


def check_name(reference: str, own: str) -> None:
    """Raise `InputError` unless the reference's class is the counterpart of ours."""
    if reference != own:
        raise expected(f"the reference {own!r}", repr(reference), "Use the class of that name.")


def arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return our constructor arguments for the reference's settings.

    Raises
    ------
    InputError
        RLinear without instance normalization, which is `Linear`.
    """
    if not config.get("rev", True):
        raise expected("rev = True", repr(config["rev"]), "Use `Linear`: that is what the reference is without.")
    ours = {
        "channels": config["enc_in"] if "enc_in" in config else config["channel"],
        "history": config["seq_len"],
        "horizon": config["pred_len"],
        "individual": bool(config["individual"]),
    }
    return ours | ({"dropout": config["drop"]} if "drop" in config else {})


def weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return our state dict for the reference's; its maps of single channels are stacked."""
    ours = {}
    for theirs, name in RENAMED.items():
        for part in ("weight", "bias"):
            single = [key for key in state if key.startswith(f"{theirs}.") and key.endswith(f".{part}")]
            if f"{theirs}.{part}" in state:
                ours[f"{name}.{part}"] = state[f"{theirs}.{part}"]
            elif single:
                ours[f"{name}.{part}"] = torch.stack([state[f"{theirs}.{i}.{part}"] for i in range(len(single))])
    for part in ("weight", "bias"):
        if f"rev.affine_{part}" in state:
            ours[f"rev_in.{part}"] = state[f"rev.affine_{part}"]
    return ours
