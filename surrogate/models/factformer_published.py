"""Configurations of the paper of FactFormer, as far as its code gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

RECIPE = {"weight_decay": 1e-4, "gradient_clip": 2.0, "warmup": 0.2, "seed": 1234}

PUBLISHED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "kolmogorov": {
        "network": {
            "in_channels": 10,
            "out_channels": 4,
            "dim": 2,
            "hidden_channels": 128,
            "n_heads": 8,
            "head_channels": 64,
            "latent_steps": 4,
            "periodic": True,
            "options": {"extent": 2 * math.pi, "position_scale": 8.0, "decoder_groups": 16},
        },
        "training": {**RECIPE, "epochs": 50, "batch_size": 8, "learning_rate": 5e-4, "gradient_clip": 1.0},
    },
    "isotropic": {
        "network": {
            "in_channels": 40,
            "out_channels": 8,
            "dim": 3,
            "hidden_channels": 128,
            "n_heads": 6,
            "head_channels": 64,
            "latent_steps": 2,
            "periodic": True,
            "options": {
                "kernel_multiplier": 3,
                "extent": 2 * math.pi,
                "position_scale": 8.0,
                "in_fields": 4,
                "latent_multiplier": 1.5,
            },
        },
        "training": {**RECIPE, "epochs": 160, "batch_size": 2, "learning_rate": 3e-4},
    },
    "smoke": {
        "network": {
            "in_channels": 16,
            "out_channels": 16,
            "dim": 3,
            "hidden_channels": 128,
            "n_layers": 3,
            "n_heads": 6,
            "head_channels": 64,
            "latent_steps": 4,
            "options": {
                "kernel_multiplier": 3,
                "extent": 8.0,
                "in_fields": 4,
                "latent_multiplier": 1.5,
                "decoder_groups": 12,
                "convolution_branch": True,
                "padding": 2,
            },
        },
        "training": {**RECIPE, "epochs": 100, "batch_size": 2, "learning_rate": 3e-4, "warmup": 0.3},
    },
    "darcy": {
        "network": {
            "in_channels": 1,
            "out_channels": 1,
            "dim": 2,
            "hidden_channels": 128,
            "n_layers": 3,
            "n_heads": 12,
            "head_channels": 64,
            "latent_steps": 0,
            "options": {"convolution_branch": True},
        },
        "training": {**RECIPE, "epochs": 500, "batch_size": 8, "learning_rate": 8e-4, "seed": 666},
    },
}
