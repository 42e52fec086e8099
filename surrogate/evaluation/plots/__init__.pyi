from .drawing import Drawn as Drawn
from .drawing import figures as figures
from .field_panels import plot_fields as plot_fields
from .films import animate as animate
from .forecast_lines import plot_forecast as plot_forecast
from .volumes import plot_isosurfaces as plot_isosurfaces
from .volumes import plot_slices as plot_slices
