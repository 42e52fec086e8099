from .blocks import FailedSamples as FailedSamples
from .verification import verify_ensemble as verify_ensemble
