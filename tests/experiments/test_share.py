"""Work is shared without loss, and streams belong to points, not to jobs."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modecollapse.experiments.share import Share, stream


@given(st.integers(0, 50), st.integers(1, 20))
def test_the_shares_are_the_whole_in_order(n, count):
    items = list(range(n))
    assert [item for i in range(count) for item in Share(i, count).of(items)] == items


@given(st.integers(1, 200), st.integers(1, 20))
def test_shares_differ_by_one_at_most(n, count):
    sizes = [len(Share(i, count).of(list(range(n)))) for i in range(count)]
    assert max(sizes) - min(sizes) <= 1


def test_a_share_tells_how_far_it_is(caplog):
    with caplog.at_level(logging.INFO):
        assert list(Share(1, 2).progress(["a", "b", "c", "d"])) == ["c", "d"]
    assert caplog.messages[-1] == "2 of 2 done, about 0 s left"


def test_streams_of_different_points_differ():
    assert stream(1, 2).random() != stream(1, 3).random()
    assert stream(1, 2).random() != stream(2, 2).random()


@pytest.mark.parametrize("wrong", [{"index": 2, "count": 2}, {"count": 0}, {"threads": 0}])
def test_an_impossible_share_is_refused(wrong):
    with pytest.raises(ValueError, match="allowed"):
        Share(**wrong)
