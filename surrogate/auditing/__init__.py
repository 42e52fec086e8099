"""What is wrong with data, before anything is trained on them: one file for each check."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
