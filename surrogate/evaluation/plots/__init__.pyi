from .drawing import Drawn as Drawn
from .drawing import figures as figures
from .field_panels import plot_fields as plot_fields
from .forecast_lines import plot_forecast as plot_forecast
