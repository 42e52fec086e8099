"""The numbers of XDMF files: in the text, or in HDF5 and binary files beside it."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.readers.companions import companion
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.hdf5 import dataset_in, opened

_KINDS = {"float": "f", "int": "i", "uint": "u", "char": "i", "uchar": "u"}
_ORDERS = {"native": "=", "little": "<", "big": ">"}


class Items:
    """The data items of one file.

    Parameters
    ----------
    path
        The file.
    root
        Its content.
    """

    def __init__(self, path: Path, root: Element) -> None:
        self.path, self.root = path, root

    def referred(self, element: Element) -> Element:
        """Return the element, or the one that it refers to by an XPath.

        Raises
        ------
        InputError
            There is none.
        """
        reference = element.get("Reference")
        if reference is None:
            return element
        xpath = (element.text or "") if reference == "XML" else reference
        parts = xpath.strip().split("/", 2)
        found = self.root.find(parts[2]) if len(parts) == 3 else None
        if found is None or found.get("Reference") is not None:
            raise expected(f"an element at {xpath.strip()!r} in {str(self.path)!r}", "none", "Correct the reference.")
        return found

    def read(self, element: Element) -> np.ndarray:
        """Return the array of a ``DataItem``.

        Raises
        ------
        InputError
            It cannot be read, lies outside of the folder, or does not have the size that it claims.
        """
        try:
            return self._read(self.referred(element))
        except InputError:
            raise
        except Exception as error:  # a damaged file makes parsers raise anything
            raise unreadable("readable numbers in", self.path, error) from error

    def _read(self, item: Element) -> np.ndarray:
        if item.get("ItemType") == "HyperSlab":
            where, source = item.findall("DataItem")
            slab = self.read(where).reshape(3, -1).astype(int)
            cuts = tuple(slice(start, start + step * count, step) for start, step, count in slab.T.tolist())
            return self.read(source)[cuts]
        if item.get("ItemType", "Uniform") != "Uniform":
            do = "Compute it and save the result."
            raise expected(f"plain data in {str(self.path)!r}", f"a {item.get('ItemType')}", do)
        shape = tuple(int(size) for size in item.attrib["Dimensions"].split())
        if min(shape, default=0) < 0:
            raise ValueError(f"an array of shape {shape}")
        text = (item.text or "").strip()
        form = item.get("Format", "XML").lower()
        if form == "hdf":
            return self._hdf5(text, shape)
        if form == "binary":
            return self._binary(item, text, shape)
        values = np.array(text.split(), dtype=_dtype(item).newbyteorder("="))
        return values.reshape(shape)

    def _hdf5(self, text: str, shape: tuple[int, ...]) -> np.ndarray:
        name, _, inner = text.rpartition(":")
        found = companion(self.path, name)
        with opened(found) as file:
            dataset = dataset_in(file, inner)
            if dataset.size != math.prod(shape):
                raise expected(f"{inner!r} of shape {shape} in {str(found)!r}", dataset.shape, "Write it again.")
            values: np.ndarray = dataset[()]
        return values.reshape(shape)

    def _binary(self, item: Element, text: str, shape: tuple[int, ...]) -> np.ndarray:
        found, count = companion(self.path, text), math.prod(shape)
        start = int(item.get("Seek", "0"))
        if start < 0 or start + count * _dtype(item).itemsize > found.stat().st_size:
            raise expected(f"{count} numbers in {str(found)!r}", f"{found.stat().st_size} bytes", "Write it again.")
        return np.fromfile(found, _dtype(item), count, offset=start).reshape(shape)


def _dtype(item: Element) -> np.dtype:
    kind = _KINDS[item.get("NumberType", item.get("DataType", "Float")).lower()]
    size = 1 if item.get("NumberType", item.get("DataType", "")).lower().endswith("char") else item.get("Precision", 4)
    return np.dtype(f"{_ORDERS[item.get('Endian', 'Native').lower()]}{kind}{size}")
