from .diagnose import diagnose as diagnose
from .found import Diagnosis as Diagnosis
from .report import write_report as write_report
