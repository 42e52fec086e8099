"""Dictionaries of tensors; a pickle with code in it is not run."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from surrogate.datasets import Grid, InputError, open_dataset


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.pt"


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (random(3, 6, 5), np.float64),
        (random(3, 6, 5).float(), np.float32),
        (random(3, 6, 5) > 0, np.float32),
        (torch.arange(90).reshape(3, 6, 5), np.float32),
        (random(3, 6, 5).to(torch.bfloat16), np.float32),
        (random(3, 6, 5).requires_grad_(), np.float64),
        (random(3, 6, 5).relu().to_sparse(), np.float64),
        (random(3, 5, 6).mT, np.float64),
    ],
)
def test_every_kind_of_real_tensor_is_read(path: Path, x: torch.Tensor, dtype: type) -> None:
    y = random(3, 6, 5).float()
    torch.save({"x": x, "y": y, "note": "about them"}, path)
    fields = open_dataset(path, names={"x": "coefficient"})
    assert fields["coefficient"].dims == fields["output"].dims == ("sample", "x", "y")
    assert fields["coefficient"].dtype == dtype
    exact = x.detach().to_dense() if x.is_sparse else x.detach()
    np.testing.assert_array_equal(fields["coefficient"], exact.double().numpy())
    np.testing.assert_array_equal(fields["output"], y.numpy())
    assert Grid.from_fields(fields) == Grid(shape=(6, 5))


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_does_not_run(path: Path, tmp_path: Path, zipped: bool) -> None:
    torch.save({"x": Bomb(tmp_path / "ran"), "y": random(3, 7)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match=r"a dictionary of tensors at .*data\.pt"):
        open_dataset(path)
    assert not (tmp_path / "ran").exists()
    torch.load(path, weights_only=False)  # it would have run
    assert (tmp_path / "ran").exists()


WRONG: dict[str, tuple[Any, str]] = {
    "no dictionary": (random(3, 7), "tensors 'x' and 'y'"),
    "other keys": ({"x": random(3, 7), "z": random(3, 7)}, r"tensors 'x' and 'y'.*got \['x', 'z'\]"),
    "no tensor": ({"x": random(3, 7), "y": 1.0}, "tensors 'x' and 'y'"),
    "other shapes": ({"x": random(3, 7), "y": random(3, 8)}, r"lengths {'sample': 3, 'x': 7}, got \(3, 8\)"),
    "no space": ({"x": random(3), "y": random(3)}, "rank 2 to 4"),
    "complex": ({"x": random(3, 7) * 1j, "y": random(3, 7)}, "real tensors"),
    "not finite": ({"x": random(3, 7) * torch.nan, "y": random(3, 7)}, "finite values in 'input'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_contents_are_named_with_the_file(path: Path, what: str) -> None:
    content, message = WRONG[what]
    torch.save(content, path)
    with pytest.raises(InputError, match=message) as raised:
        open_dataset(path)
    assert "data.pt" in str(raised.value)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.3, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(path: Path, zipped: bool, share: float) -> None:
    torch.save({"x": random(3, 7), "y": random(3, 7)}, path, _use_new_zipfile_serialization=zipped)
    os.truncate(path, max(1, int(share * path.stat().st_size)))
    with pytest.raises(InputError, match=r"data\.pt"):
        open_dataset(path)


@pytest.mark.parametrize("content", [b"no tensors", bytes(1000), b"PK\x03\x04".ljust(100), b"\x80\x02}"])
def test_another_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"data\.pt"):
        open_dataset(path)


def test_a_grid_may_be_given_by_its_arguments(tmp_path: Path) -> None:
    torch.save({"x": torch.rand(3, 8), "y": torch.rand(3, 8)}, tmp_path / "data.pt")
    fields = open_dataset(tmp_path / "data.pt", grid={"periodic": True})
    assert Grid.from_fields(fields) == Grid((8,), periodic=True)


@pytest.mark.parametrize("claimed", [2**32 - 1, 10**6])
def test_an_archive_that_claims_more_than_it_holds_is_refused(tmp_path: Path, claimed: int) -> None:
    path = tmp_path / "claims.pt"
    torch.save({"x": torch.arange(12.0).reshape(3, 4)}, path)
    content = bytearray(path.read_bytes())
    name = content.rindex(b"/data/0")  # in the list of parts; the size stands 46 - 24 bytes before the name begins
    first = content.rindex(b"PK\x01\x02", 0, name)
    assert int.from_bytes(content[first + 24 : first + 28], "little") == 48
    content[first + 24 : first + 28] = claimed.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"parts that claim {claimed // 1000}"):
        open_dataset(path)


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    path, packed = tmp_path / "x.pt", tmp_path / "packed.pt"
    torch.save({"x": torch.zeros(3, 4)}, path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in whole.namelist():
            target.writestr(entry, whole.read(entry))
    with pytest.raises(InputError, match="compressed parts"):
        open_dataset(packed)
