from .gaussian_random_field import GaussianRandomField as GaussianRandomField
from .neumann_random_field import NeumannRandomField as NeumannRandomField
from .permeability import LogNormal as LogNormal
from .permeability import Permeability as Permeability
from .permeability import TwoPhase as TwoPhase
