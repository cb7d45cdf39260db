"""What a reader is told, as data: each sentence with the number that decides it, and a verdict.

The claims of figure ``figN_name`` stand in ``modecollapse.claims.name`` as ``CLAIMS``, measured
from that figure's tables alone.
"""

from .claim import (
    Claim,
    Estimate,
    Verdict,
    claims_of,
    doubted,
    judged,
    number,
    threshold,
    told,
)

__all__ = [
    "Claim",
    "Estimate",
    "Verdict",
    "claims_of",
    "doubted",
    "judged",
    "number",
    "threshold",
    "told",
]
