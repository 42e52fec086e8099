"""Networks on series: plain ``torch.nn.Module`` from ``(batch, time, channel)`` to ``(batch, horizon, channel)``."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
