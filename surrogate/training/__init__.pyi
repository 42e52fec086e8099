from . import objectives as objectives
from .fitting import fit as fit
from .manifest import load as load
from .manifest import save as save
from .optimizer import OneCycleAdamW as OneCycleAdamW
from .reduced import PODStepper as PODStepper
from .surrogate import Surrogate as Surrogate
from .surrogate import SurrogateStepper as SurrogateStepper
