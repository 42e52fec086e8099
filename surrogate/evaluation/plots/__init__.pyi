from .drawing import Drawn as Drawn
from .drawing import figures as figures
