from . import geometry as geometry
from . import initial as initial
from .burgers import Burgers as Burgers
from .etdrk import ETDRK4 as ETDRK4
from .poisson import Poisson as Poisson
from .poisson_fields import solve_poisson as solve_poisson
from .poisson_points import PoissonOnPoints as PoissonOnPoints
from .semilinear import Semilinear as Semilinear
