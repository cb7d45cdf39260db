from .bimodal import BimodalTarget as BimodalTarget
from .bimodal import target as target
from .custom import CustomTarget as CustomTarget
from .custom import custom as custom
from .mixtures import GaussianMixture as GaussianMixture
from .mixtures import mixture as mixture
from .protocol import Density as Density
from .protocol import Target as Target
