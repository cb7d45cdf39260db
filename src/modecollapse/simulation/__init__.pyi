from .full import simulate as simulate
from .reduced import simulate_reduced as simulate_reduced
