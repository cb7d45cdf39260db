from .full import simulate as simulate
from .mixtures import MixtureStart as MixtureStart
from .mixtures import Objective as Objective
from .mixtures import simulate_mixture as simulate_mixture
from .reduced import simulate_reduced as simulate_reduced
