from .polygon import Polygon as Polygon
from .random_polygons import RandomPolygons as RandomPolygons
from .triangulation import minimum_angles as minimum_angles
from .triangulation import triangulate as triangulate
