from .deeponet import DeepONet as DeepONet
from .ffno import FFNO as FFNO
from .fno import FNO as FNO
from .galerkin_transformer import GalerkinTransformer as GalerkinTransformer
from .gnot import GNOT as GNOT
from .on_grid import OnGrid as OnGrid
from .tfno import TFNO as TFNO
from .unet import UNet as UNet
