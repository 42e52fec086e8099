"""Meshes with fields in files of simulation codes."""

from __future__ import annotations

from pathlib import Path

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, check
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.samples.ragged import counts, select_samples
from surrogate.datasets.storage.whole_files import refuse_existing, whole_file
from surrogate.datasets.writers.snapshots import to_meshio

_FORMATS: dict[str, dict[str, str]] = {
    ".vtu": {"file_format": "vtu"},
    ".vtk": {"file_format": "vtk"},
    ".xdmf": {"file_format": "xdmf", "data_format": "XML"},  # or it would need a second file for the numbers
}


def save_mesh(fields: Fields, path: str | Path, *, sample: int = 0, overwrite: bool = False) -> None:
    """Write the mesh and the fields of one sample to a file for ParaView and other programs (.vtu, .vtk, .xdmf).

    Of fields over time select one frame first. Tags go along as fields ``tag:<name>``, one at the points that bear it;
    `open_dataset` makes tags of them again.

    Raises
    ------
    InputError
        The fields break the convention, have times, or are on no mesh; another suffix; the path exists.
    OSError
        The file cannot be written. Nothing is left behind.
    """
    dataset = check(fields)
    if Path(path).suffix not in _FORMATS:
        raise expected(f"a path that ends in {', '.join(_FORMATS)}", f"{str(path)!r}", "Correct the suffix.")
    if "time" in dataset.dims:
        raise expected("fields at one time", f"{dataset.sizes['time']} times", "Select one: fields.isel(time=0).")
    refuse_existing(path, overwrite)
    own = select_samples(dataset, [sample]) if "sample" in dataset.dims else dataset
    mesh = Mesh.from_fields(own, 0 if counts(own) else None)
    with whole_file(path, overwrite=overwrite) as part:
        to_meshio(mesh, own).write(part, **_FORMATS[Path(path).suffix])
