from .burgers import Burgers as Burgers
from .solver_choice import SolverChoice as SolverChoice
