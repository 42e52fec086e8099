"""What training minimizes, as objects handed to `surrogate.fit`: ``objective=sg.objectives.Unrolled(steps=4)``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
