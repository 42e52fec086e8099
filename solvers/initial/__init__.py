"""Distributions of initial data: functions, not arrays, so that one seed means one function at every resolution."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
