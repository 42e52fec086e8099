from .burgers import Burgers as Burgers
from .case import Case as Case
from .solver_choice import SolverChoice as SolverChoice
