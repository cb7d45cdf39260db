"""Forty kinds of wrong value."""

from __future__ import annotations

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd

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
}
