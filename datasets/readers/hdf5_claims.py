"""What an HDF5 file says of itself, compared with itself before anything is read."""

from __future__ import annotations

import h5py

from surrogate.datasets.errors import expected

#: Bytes of a chunk that may be longer than the data in it (of a dimension that grows).
LARGEST_CHUNK = 2**26


def refuse_references(file: h5py.File) -> None:
    """Raise `InputError` where the file takes links or numbers from other files, which may be any on this machine."""

    def look(name: str, link: object) -> None:
        outside = isinstance(link, h5py.ExternalLink)
        if isinstance(link, h5py.HardLink):
            found = file[name]
            outside = isinstance(found, h5py.Dataset) and (found.is_virtual or bool(found.external))
        if outside:
            where = f"the numbers of {name!r} in {file.filename!r} itself"
            raise expected(where, "a reference to another file", "Copy them into one file (h5repack).")

    file.visititems_links(look)


def refuse_wrong_sizes(file: h5py.File) -> None:
    """Raise `InputError` where the variable of a netCDF-4 file is longer than its dimensions, or in larger chunks."""

    def look(name: str, found: h5py.Group | h5py.Dataset) -> None:
        if not isinstance(found, h5py.Dataset) or not found.shape:
            return
        for size, chunk, dim in zip(found.shape, found.chunks or found.shape, found.dims, strict=True):
            most = len(dim[0]) if len(dim) and isinstance(dim[0], h5py.Dataset) and dim[0].ndim == 1 else size
            if size > most or (chunk > size and chunk * found.dtype.itemsize > LARGEST_CHUNK):
                where = f"{name!r} of {file.filename!r} of the lengths of its dimensions"
                raise expected(where, f"shape {found.shape} in chunks of {found.chunks}", "Make or copy it again.")

    file.visititems(look)
