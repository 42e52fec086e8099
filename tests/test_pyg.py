"""Data sets of PyTorch Geometric; a pickle with code in it is not run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Data, HeteroData, InMemoryDataset

import surrogate as sg
from surrogate.datasets import InputError, Mesh, point_set, save_dataset, select_samples, to_graph

SQUARE = Mesh([[0, 0], [1, 0], [1, 1], [0, 1]], {"triangle": [[0, 1, 2], [0, 2, 3]]}, {"inlet": [[3, 0]]})


def random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def clouds() -> list[Data]:
    return [
        Data(
            x=random(n, 2),
            y=random(n),
            pos=random(n, 3),
            edge_index=torch.tensor([[0, 1], [1, 2]]),
            edge_attr=random(2, 4),
            surf=torch.arange(n) < 2,
            reynolds=torch.tensor([float(n)]),
        )
        for n in (4, 6, 5)
    ]


@pytest.mark.parametrize("how", ["list", "legacy", "dataset", "joined"])
def test_clouds_of_different_size(how: str, tmp_path: Path) -> None:
    path, graphs = tmp_path / "data.pt", clouds()
    if how == "dataset":
        InMemoryDataset.save(graphs, path)
    elif how == "joined":
        torch.save(InMemoryDataset.collate(graphs), path)  # as PyG before 2.4 did
    else:
        torch.save(graphs, path, _use_new_zipfile_serialization=how == "list")
    fields = sg.open_dataset(path, names={"output": "pressure"})
    assert set(fields.data_vars) == {"input_0", "input_1", "pressure", "surf", "reynolds"}
    assert fields["node_count"].values.tolist() == [4, 6, 5]
    assert fields["reynolds"].values.tolist() == [4, 6, 5]
    for number, graph in enumerate(graphs):
        points = point_set(select_samples(fields, [number]), ["input_0", "input_1", "pressure", "surf"])
        assert torch.equal(points.coordinates, graph.pos)
        columns = [graph.x, graph.y[:, None], graph.surf[:, None].float()]
        assert torch.equal(points.values, torch.cat(columns, dim=1))
    save_dataset(fields, tmp_path / "data.h5")
    assert sg.open_dataset(tmp_path / "data.h5").equals(fields)


def test_equal_points_are_shared_and_meshes_are_kept(tmp_path: Path) -> None:
    points = [Data(pos=torch.tensor([[0.0], [1.0]]), y=random(2) + i) for i in range(3)]
    torch.save(points, tmp_path / "points.pt")
    fields = sg.open_dataset(tmp_path / "points.pt")
    assert fields["output"].dims == ("sample", "node")
    np.testing.assert_array_equal(fields["output"], torch.stack([graph.y for graph in points]))
    torch.save([to_graph(SQUARE, random(4, 1))] * 2, tmp_path / "mesh.pt")
    assert Mesh.from_fields(sg.open_dataset(tmp_path / "mesh.pt")) == SQUARE
    clockwise = torch.tensor([[0, 0], [2, 3], [1, 2]])
    faces = [Data(pos=torch.tensor(SQUARE.points).float() * (1 + i), face=clockwise, x=random(4, 1)) for i in range(2)]
    torch.save(faces, tmp_path / "faces.pt")
    meshes = sg.open_dataset(tmp_path / "faces.pt")
    assert [Mesh.from_fields(meshes, i).cell_measures.sum() for i in range(2)] == pytest.approx([1, 4])
    torch.save(faces[0], tmp_path / "one.pt")
    assert sg.open_dataset(tmp_path / "one.pt").sizes["sample"] == 1


class Burglar:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["SURROGATE_BURGLAR"],)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_the_file_is_not_run(legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loot = tmp_path / "loot"
    monkeypatch.setenv("SURROGATE_BURGLAR", str(loot))
    graphs = [Data(pos=random(3, 2), x=random(3, 1), extra=Burglar())]
    torch.save(graphs, tmp_path / "data.pt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(
        InputError, match=r"graphs of PyTorch Geometric at '.*data\.pt', got .* one of other obj"
    ) as error:
        sg.open_dataset(tmp_path / "data.pt")
    assert not loot.exists()
    assert "\n" not in str(error.value)
    torch.load(tmp_path / "data.pt", weights_only=False)
    assert loot.exists()  # it would have


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([Data(x=torch.ones(3, 1))], "positions of points in graph 0 of .*got none"),
        ([Data(pos=torch.ones(3, 4), x=torch.ones(3, 1))], r"positions of points .* got \(3, 4\)"),
        ([Data(pos=random(3, 2), x=random(3, 1)), Data(pos=random(3, 2))], r"\['pos', 'x'\] in graph 1 of"),
        ([Data(pos=random(3, 2), x=random(3, 1)), Data(pos=random(3, 2), x=random(3, 2))], "as many channels of 'x'"),
        ([Data(pos=random(3, 2), note="wing")], "a tensor 'note' in graph 0 of .* got str"),
        ([Data(pos=random(3, 2))], "values at the points"),
        ([HeteroData(a={"pos": torch.ones(3, 2)})], "one of other objects"),
        ([Data(pos=random(3, 2), x=random(3, 1)), 5], "got int at place 1"),
    ],
)
def test_what_is_wrong_is_said(content: Any, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "data.pt")
    with pytest.raises(InputError, match=message):
        sg.open_dataset(tmp_path / "data.pt", format="pyg")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    torch.save(clouds(), tmp_path / "data.pt")
    whole = (tmp_path / "data.pt").read_bytes()
    for share in (0.2, 0.6, 0.95):
        (tmp_path / "data.pt").write_bytes(whole[: int(share * len(whole))])
        for name in ("pyg", None):
            with pytest.raises(InputError, match=r"data\.pt"):
                sg.open_dataset(tmp_path / "data.pt", format=name)
