from .factformer import FactFormer as FactFormer
from .fno import FNO as FNO
from .galerkin_transformer import GalerkinTransformer as GalerkinTransformer
from .gnot import GNOT as GNOT
from .mgno import MgNO as MgNO
from .on_grid import OnGrid as OnGrid
