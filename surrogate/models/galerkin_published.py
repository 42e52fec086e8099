"""Configurations of the paper of the Galerkin transformer, as its scripts run them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RECIPE = {
    "epochs": 100,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "warmup": 0.3,
    "gradient_clip": 0.999,
    "seed": 1127802,
}
SERIES = {"in_channels": 1, "out_channels": 1, "dim": 1, "periodic": True}
PLANE = {"in_channels": 1, "out_channels": 1, "dim": 2, "n_layers": 6, "n_heads": 4}
DARCY = {
    "decoder_channels": 32,
    "joined_channels": 32,
    "projection_channels": 128,
    "coordinates_in_decoder": True,
    "norm_eps": 1e-7,
    "attention_dropout": 0.05,
    "encoder_dropout": 0.05,
    "feed_forward_dropout": 0.1,
    "down_scaler_dropout": 0.05,
}
INVERSE = {
    "decoder": "point",
    "decoder_layers": 1,
    "coordinates_in_decoder": True,
    "norm_eps": 1e-7,
    **dict.fromkeys(("dropout", "attention_dropout", "encoder_dropout", "feed_forward_dropout"), 0.05),
    **dict.fromkeys(("decoder_dropout", "down_scaler_dropout", "up_scaler_dropout"), 0.05),
}


def darcy(coarse: int, **options: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the configuration for Darcy flow with this number of points along an axis of the coarse grid."""
    network = {**PLANE, "hidden_channels": 128, "n_frequencies": 12, "coarse_shape": coarse}
    return {"network": {**network, "options": {**DARCY, **options}}, "training": {**RECIPE, "batch_size": 4}}


def inverse(coarse: int) -> Mapping[str, Mapping[str, Any]]:
    """Return the configuration for the inverse problem with this number of points along an axis of the output."""
    network = {**PLANE, "hidden_channels": 192, "coarse_shape": coarse, "out_shape": coarse, "options": INVERSE}
    return {"network": network, "training": {**RECIPE, "batch_size": 4}}


PUBLISHED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "burgers": {"network": SERIES, "training": {**RECIPE, "warmup": 0.2, "batch_size": 4}},
    "burgers_fourier": {
        "network": {
            **SERIES,
            "attention": "fourier",
            "options": {"xavier_gain": 1e-3, "feed_forward_dropout": 0.05},
        },
        "training": {**RECIPE, "warmup": 0.2, "batch_size": 4},
    },
    "darcy": darcy(43),  # for 141 points along an axis
    "darcy_85": darcy(29),
    "darcy_211": darcy(61, norm_eps=1e-5, encoder_dropout=0.1, attention_dropout=0.1, feed_forward_dropout=0.05),
    "darcy_inverse": inverse(36),  # for 141 points along an axis of the input
    "darcy_inverse_211": inverse(71),
    "navier_stokes": {
        "network": {
            "in_channels": 10,
            "out_channels": 1,
            "dim": 2,
            "hidden_channels": 48,
            "n_frequencies": 12,
            "periodic": True,
            "options": {"norm": "layer", "decoder_channels": 20, "feed_forward_dropout": 0.05},
        },
        "training": {**RECIPE, "warmup": 0.2},
    },
}
