from .mat import read_mat as read_mat
from .meshio_files import read_mesh as read_mesh
from .meshio_files import read_meshes as read_meshes
from .netcdf import read_netcdf as read_netcdf
from .pt import read_pt as read_pt
from .tables import read_table as read_table
