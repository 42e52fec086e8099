from .burgers import Burgers as Burgers
from .case import Case as Case
from .darcy import Darcy as Darcy
from .periodic_case import PeriodicCase as PeriodicCase
from .poisson_polygons import PoissonPolygons as PoissonPolygons
from .problem import Problem as Problem
from .solver_choice import SolverChoice as SolverChoice
from .steady_case import SteadyCase as SteadyCase
