from .dlinear import DLinear as DLinear
from .linear import Linear as Linear
from .nlinear import NLinear as NLinear
from .patchtst import PatchTST as PatchTST
from .ridge import Ridge as Ridge
from .rlinear import RLinear as RLinear
