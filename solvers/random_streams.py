"""Random numbers that depend on the sample only."""

from __future__ import annotations

import numpy as np

from surrogate.datasets.errors import expected


def generator(seed: int, index: int) -> np.random.Generator:
    """Return the generator of sample ``index`` of the ensemble ``seed``: the same in any batch and any process.

    Raises
    ------
    InputError
        A seed or index that is negative or above 2^64 - 1.
    """
    for name, value in (("seed", seed), ("index", index)):
        if not 0 <= value < 2**64:
            raise expected(f"{name} from 0 to 2^64 - 1", value, f"Use another {name}.")
    return np.random.Generator(np.random.Philox(key=np.array([seed, index], dtype=np.uint64)))
