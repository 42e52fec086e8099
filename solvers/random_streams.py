"""Random numbers that depend on the sample only."""

from __future__ import annotations

import numpy as np

from surrogate.datasets.errors import expected


def generator(seed: int, index: int, stream: int = 0) -> np.random.Generator:
    """Return the generator of sample ``index`` of the ensemble ``seed``: the same in any batch and any process.

    Streams of different number are independent, for parts of a sample that are drawn apart.

    Raises
    ------
    InputError
        A seed, index or stream that is negative or above 2^64 - 1.
    """
    for name, value in (("seed", seed), ("index", index), ("stream", stream)):
        if not 0 <= value < 2**64:
            raise expected(f"{name} from 0 to 2^64 - 1", value, f"Use another {name}.")
    key, counter = np.array([seed, index], dtype=np.uint64), np.array([0, 0, 0, stream], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
