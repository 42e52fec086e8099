"""Size and graph of GNOT: parameters of the configurations of the paper, one graph for all batches."""

from __future__ import annotations

import subprocess
import sys

import pytest

from surrogate.models import GNOT

CYLINDERS = {"in_channels": [0], "out_channels": 3, "dim": 2, "parameter_channels": 12}
HEAT = {"in_channels": [1] * 4, "out_channels": 1, "dim": 2, "parameter_channels": 1}
DARCY = {**HEAT, "in_channels": [1], "hidden_channels": 96}
GATES = {64: 200_451, 96: 448_131}  # three gates of a single expert, which have no effect: left out


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (CYLINDERS, 552_006 - GATES[64]),
        ({**CYLINDERS, "hidden_channels": 128, "options": {"pre_norm": True}}, 1_391_235),
        ({**CYLINDERS, "hidden_channels": 128, "n_experts": 3, "n_heads": 4}, 3_768_972),
        ({**CYLINDERS, "hidden_channels": 128, "n_layers": 4, "n_experts": 2, "n_heads": 8}, 3_902_603),
        ({**HEAT, "hidden_channels": 128, "n_layers": 4, "n_experts": 3}, 5_555_853),
        (DARCY, 1_232_356 - GATES[96]),
        ({**DARCY, "n_experts": 3}, 2_125_162),
    ],
)
def test_parameter_count(arguments, count):
    assert sum(parameter.numel() for parameter in GNOT(**arguments).parameters()) == count


@pytest.mark.parametrize(("name", "count"), [("cylinders", 351_555), ("cylinders_plain", 1_391_235)])
def test_published(name, count):
    assert sum(parameter.numel() for parameter in GNOT.published(name).parameters()) == count


TRACE = """
import torch
from torch.export import Dim
from surrogate.datasets import Points
from surrogate.models import GNOT

def points(*counts):
    ptr = torch.tensor([0, *counts]).cumsum(0)
    return Points(torch.rand(int(ptr[-1]), 2), ptr, torch.rand(int(ptr[-1]), 1))

torch.manual_seed(0)
network = GNOT([1], 1, dim=2, hidden_channels=8, n_layers=1).eval()
compiled = torch.compile(network, fullgraph=True, backend="aot_eager", dynamic=True)
sizes = {0: Dim("n", min=2, max=8000)}
exported = torch.export.export(network, (points(5, 7),), dynamic_shapes=(Points(sizes, None, sizes),)).module()
for counts in ((5, 7), (6, 6), (20, 11), (400, 30)):
    given = points(*counts)
    torch.testing.assert_close(compiled(given), network(given))
    torch.testing.assert_close(exported(given), network(given))
assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
"""


def test_one_graph_serves_batches_of_all_sizes():
    # in a process of its own: the checks that pytest puts around every function cannot be traced
    done = subprocess.run([sys.executable, "-c", TRACE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
