"""Configurations of the papers of IFactFormer: turbulent channel flow at friction Reynolds numbers 180, 395 and 590."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NETWORK = {
    "in_channels": 3,
    "out_channels": 3,
    "dim": 3,
    "hidden_channels": 96,
    "n_layers": 1,
    "n_iterations": 10,
    "n_heads": 5,
    "head_channels": 96,
    "periodic": [True, False, True],
}
OPTIONS = {"extent": [4 * math.pi, 2.0, 4 * math.pi / 3], "position_scale": 8.0, "in_fields": 3}
TRAINING = {"epochs": 30, "batch_size": 5, "learning_rate": 5e-4, "weight_decay": 0.01, "seed": 1234}

PUBLISHED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "channel": {"network": {**NETWORK, "options": OPTIONS}, "training": TRAINING},
    "channel_chained": {"network": {**NETWORK, "parallel": False, "options": OPTIONS}, "training": TRAINING},
    "channel_first": {
        "network": {**NETWORK, "options": {**OPTIONS, "norm": "slices", "second_map": True}},
        "training": TRAINING,
    },
}
