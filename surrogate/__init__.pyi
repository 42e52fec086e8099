from . import datasets as datasets
from . import layers as layers
from . import models as models
from . import solvers as solvers
from . import training as training
from .datasets import Grid as Grid
from .datasets import InputError as InputError
from .datasets import open_dataset as open_dataset
from .datasets import prepare as prepare
from .operator import Operator as Operator
from .operator import Stepper as Stepper
from .prediction import predict as predict
from .rollouts import rollout as rollout
from .training import Surrogate as Surrogate
from .training import fit as fit
from .training import load as load
from .training import objectives as objectives

__version__: str
