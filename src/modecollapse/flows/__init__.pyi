from .settings import FlowSettings as FlowSettings
from .training import train as train
