"""The table of modes found: the same however its work is shared, and right in clear cases."""

from dataclasses import replace

import pandas as pd
import pytest

from modecollapse.experiments.modes_found import UNITS, Settings, compute
from modecollapse.experiments.share import Share

SETTINGS = Settings(
    seed=5,
    arrangements=("simplex", "random"),
    n_modes=(3, 4),
    dimensions=(16, 2),
    separations=(1.0, 8.0),
    etas=(0.0, 1.0),
    components=(1, 3),
    runs=3,
    time=60.0,
    rtol=1e-2,
)


@pytest.fixture(scope="module")
def table():
    return compute(SETTINGS, Share())


def test_shares_make_up_the_whole(table):
    parts = [compute(SETTINGS, Share(k, 3)) for k in range(3)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table)


def test_columns_have_units_and_no_holes(table):
    assert list(table.columns) == list(UNITS)
    assert len(table) == 16
    assert not table.isna().any().any()
    assert (table["n_runs"] == 3).all()


def test_close_modes_are_all_found_and_far_ones_need_a_component_each(table):
    simplex = table[table["arrangement"] == "simplex"]
    assert (simplex.loc[simplex["separation"] == 1.0, "n_found"] == 3).all()
    alone = simplex[(simplex["separation"] == 8.0) & (simplex["n_components"] == 1)]
    assert (alone["n_found"] == 1).all()
    assert alone["kl"].to_numpy() == pytest.approx(1.0986, abs=0.02)  # log 3
    random = table[(table["arrangement"] == "random") & (table["n_components"] == 1)]
    assert (random["n_found"] <= 4).all()


def test_targets_need_an_entry_each():
    with pytest.raises(ValueError, match="n_modes"):
        replace(SETTINGS, n_modes=(3,))


def test_points_that_cannot_be_computed_are_left_out(caplog):
    one = replace(
        SETTINGS,
        arrangements=("simplex",),
        n_modes=(6,),
        dimensions=(16,),
        separations=(6.0,),
        etas=(0.0,),
        components=(6,),
        runs=2,
        rtol=1e-6,
    )
    assert compute(one, Share()).empty
    assert "raise rtol" in caplog.text
