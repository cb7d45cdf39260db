from .full import simulate as simulate
from .mixtures import MixtureStart as MixtureStart
from .mixtures import simulate_mixture as simulate_mixture
from .reduced import simulate_reduced as simulate_reduced
from .settings import Objective as Objective
