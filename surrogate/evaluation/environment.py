"""What a measurement was made on and with."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("surrogate-pde", "torch", "numpy", "xarray", "neuraloperator", "lightning")


def environment(device: torch.device) -> dict[str, Any]:
    """Return hardware, threads, precision switches and versions (JSON)."""
    record = {
        "device": str(device),
        "processor": _processor(),
        "logical_processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    }
    if device.type == "cuda":
        record["accelerator"] = torch.cuda.get_device_name(device)
        record["cuda"] = torch.version.cuda
    return record


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
