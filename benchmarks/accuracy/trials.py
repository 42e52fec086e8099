"""What the accuracy scripts share: resumable trainings, errors on the test part, tables that say what made them."""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from torch import nn

import surrogate as sg


def parser_for(description: str | None, names: Iterable[str], *, epochs: int, seeds: int) -> argparse.ArgumentParser:
    """Return a parser of the arguments that all scripts take."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where data, trainings and the table are kept")
    parser.add_argument("--epochs", type=int, default=epochs, help=f"passes over the training part ({epochs})")
    parser.add_argument("--seeds", type=int, default=seeds, help=f"trainings of each network ({seeds})")
    parser.add_argument("--only", nargs="+", choices=list(names), help="the networks to train; default: all")
    parser.add_argument("--device", default=None, help="cuda, for example; default: the CPU")
    return parser


def truth(case: Any, samples: int, path: Path, *, seed: int = 0) -> xr.Dataset:
    """Return these samples of the case, made once."""
    return sg.open_dataset(path) if path.exists() else sg.generate(case, samples, path, seed=seed)


def train(
    network: nn.Module, data: xr.DataTree, folder: Path, options: argparse.Namespace, *, seed: int, **recipe: Any
) -> sg.Surrogate:
    """Return the network trained; a training that was stopped goes on."""
    trainer = {"accelerator": "cpu" if options.device is None else "gpu"}
    return sg.fit(network, data, path=folder, seed=seed, devices=1, trainer=trainer, **recipe)


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return a network with the first weights of this seed."""
    torch.manual_seed(seed)
    return build()


def mean_error(model: sg.Operator, fields: xr.Dataset) -> float | None:
    """Return the mean relative L2 error over samples; None where the network refuses the grid, and say so."""
    try:
        return float(sg.relative_error(sg.predict(model, fields, batch_size=4), fields).mean())
    except sg.InputError as error:
        print(f"refused: {error}")
        return None


def forward_backward_ms(networks: Mapping[str, nn.Module], x: torch.Tensor, rounds: int = 5) -> dict[str, float]:
    """Return for each network the median process CPU time of a forward and backward pass, taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(rounds + 1):
        for name, network in networks.items():
            began = time.process_time()
            network(x).square().mean().backward()
            times[name].append(1e3 * (time.process_time() - began))
    return {name: statistics.median(seen[1:]) for name, seen in times.items()}


def percent(errors: Iterable[float | None]) -> str:
    """Return the mean of the errors with their extremes; a dash where a network refuses."""
    known = [100 * error for error in errors if error is not None]
    if not known:
        return "refused"
    mean = f"{statistics.mean(known):.3g} %"
    return mean if len(known) == 1 else f"{mean} ({min(known):.3g} to {max(known):.3g})"


def parameters(network: nn.Module) -> str:
    """Return the number of trained parameters."""
    return f"{sum(parameter.numel() for parameter in network.parameters()):,}"


def write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[str]], notes: str = "") -> None:
    """Print and write a Markdown table with the command, the machine and the date."""
    lines = [" | ".join(row) for row in (head, ["---"] * len(head), *rows)]
    command = " ".join(["python", f"benchmarks/accuracy/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    today = f"{datetime.date.today():%B %d, %Y}"
    device = torch.cuda.get_device_name() if "--device" in sys.argv else platform.processor() or platform.machine()
    made = f"`{command}`: {device}, {torch.get_num_threads()} thread(s), torch {torch.__version__}, {today}."
    text = "\n\n".join(part for part in (made, "\n".join(f"| {line} |" for line in lines), notes) if part)
    print(text)
    path.write_text(text + "\n")
