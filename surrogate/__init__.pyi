from . import cases as cases
from . import datasets as datasets
from . import evaluation as evaluation
from . import layers as layers
from . import models as models
from . import solvers as solvers
from . import training as training
from .datasets import Grid as Grid
from .datasets import InputError as InputError
from .datasets import NumericalFailure as NumericalFailure
from .datasets import open_dataset as open_dataset
from .datasets import prepare as prepare
from .datasets import save_dataset as save_dataset
from .evaluation import Comparison as Comparison
from .evaluation import compare as compare
from .evaluation import relative_error as relative_error
from .generation import generate as generate
from .operator import Operator as Operator
from .operator import Stepper as Stepper
from .prediction import predict as predict
from .rollouts import rollout as rollout
from .training import OneCycleAdamW as OneCycleAdamW
from .training import Surrogate as Surrogate
from .training import fit as fit
from .training import load as load
from .training import objectives as objectives

__version__: str
