from .pvd import write_pvd as write_pvd
from .the_well import write_the_well as write_the_well
from .xdmf import write_xdmf as write_xdmf
from .zarr import write_zarr as write_zarr
