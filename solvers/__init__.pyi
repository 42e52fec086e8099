from . import initial as initial
from .burgers import Burgers as Burgers
from .etdrk import ETDRK4 as ETDRK4
from .semilinear import Semilinear as Semilinear
from .spectral import resample as resample
