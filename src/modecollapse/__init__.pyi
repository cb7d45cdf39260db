from . import diagnosis as diagnosis
from . import flows as flows
from . import simulation as simulation
from . import targets as targets
from . import theory as theory
from .diagnosis import diagnose as diagnose
from .flows import FlowSettings as FlowSettings
from .flows import train as train
from .outcomes import Outcome as Outcome
from .outcomes import outcome as outcome
from .overlaps import Overlaps as Overlaps
from .overlaps import random_start as random_start
from .schedules import schedule as schedule
from .simulation import simulate as simulate
from .targets import custom as custom
from .targets import mixture as mixture
from .targets import target as target
from .theory import critical_separation as critical_separation
from .theory import fixed_points as fixed_points
from .theory import integrate as integrate
from .theory import integrate_annealed as integrate_annealed
from .theory import recommend as recommend
from .theory import survival as survival
from .trajectory import Trajectory as Trajectory
from .versions import show_versions as show_versions

__version__: str
