"""Some fifty kinds of wrong value, and numbers at the ends of what a float or a size can be."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import scipy.sparse
import torch

VALUES = {
    "None": None,
    "text": "three",
    "text of a number": "3.0",
    "no text": "",
    "bytes": b"3",
    "a truth": True,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": -np.inf,
    "negative": -1.0,
    "a whole number below": -3,
    "beyond a float": 10**400,
    "more digits than are shown": -(10**5000),
    "complex": 1 + 2j,
    "complex of a real": np.complex128(1.0),
    "a date": np.datetime64("2026-01-01"),
    "a duration": np.timedelta64(3, "s"),
    "dates": np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
    "no date": pd.NaT,
    "a calendar's date": datetime.date(2026, 1, 1),
    "masked": np.ma.array([1.0, 2.0], mask=[False, True]),
    "masked alone": np.ma.masked,
    "decimal NaN": Decimal("NaN"),
    "an object": object(),
    "a class": float,
    "a function": abs,
    "a mapping": {"a": 1.0},
    "a set": {0.5, 0.25},
    "an iterator": iter([0.5, 0.5]),
    "ragged": [[1.0, 2.0], [3.0]],
    "empty": [],
    "truths": [True, False],
    "texts": ["0.5", "0.5"],
    "with None": [0.5, None],
    "with NaN": [0.5, float("nan")],
    "with a negative": [1.5, -0.5],
    "with complex": [0.5, 0.5j],
    "with beyond a float": [0.5, 10**400],
    "many dimensions": np.ones((1, 1, 1, 1, 2)),
    "a table": pd.DataFrame({"a": ["x"]}),
    "without end": range(10**12),
    "a view of a trillion": np.broadcast_to(0.5, (2**40,)),
    "half a character": "\ud800",
    "a text without end": "x" * 10**6,
    "a tensor without numbers": torch.zeros(2, device="meta"),
    "a sparse matrix": scipy.sparse.eye(2),
}

EXTREMES = {
    "the least float": 5e-324,
    "minus the least float": -5e-324,
    "a tiny number": 1e-300,
    "rounding": 1e-16,
    "minus zero": -0.0,
    "zero": 0,
    "one": 1,
    "just below a half": float(np.nextafter(0.5, 0)),
    "just below one": float(np.nextafter(1, 0)),
    "just above one": float(np.nextafter(1, 2)),
    "a huge number": 1e300,
    "the largest float": sys.float_info.max,
    "a trillion": 10**12,
    "beyond a C integer": 2**31,
    "beyond a float's integers": 2**53 + 1,
    "the largest C integer": 2**63 - 1,
    "beyond it": 2**63,
    "a list of the least": [5e-324],
    "a list of the huge": [1e300],
    "a wide list": [1e-300, 1e300],
    "a list of zero": [0.0],
    "weights of the least": [5e-324, 1.0],
    "neighbours": [0.1, float(np.nextafter(0.1, 1))],
    "huge rows": [[1e300, 1.0]],
    "huge Gram matrices": [[1e300, 0, 1e300]],
    "tiny Gram matrices": [[1e-320, 0, 1e-320]],
    "tiny rows": [[5e-324, 1.0]],
    "far apart": [[5e-324], [1e300]],
}
