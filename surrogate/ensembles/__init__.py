"""Many samples of a case, solved in shards by one process or by many, and taken up again where that was stopped."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
