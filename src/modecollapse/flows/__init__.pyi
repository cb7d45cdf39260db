from .judged import judge as judge
from .settings import FlowSettings as FlowSettings
from .trained import TrainedFlows as TrainedFlows
from .trained import load as load
from .training import fit as fit
from .training import train as train
