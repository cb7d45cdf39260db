"""The pages of results: a figure's values are those of its tables, and a browser shows them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from results import figure_page, finished, table_data
from values import figure_values

FIGURES = Path(__file__).parents[1] / "figures" / "tables.json"
SMALL = json.loads(FIGURES.read_text(encoding="utf-8"))


def tables(figure: str) -> dict[str, pd.DataFrame]:
    """A few rows of each of a figure's tables."""
    return {
        name: pd.DataFrame(
            {key: value for key, value in columns.items() if key != "rows"},
            index=range(columns["rows"]),
        )
        for name, columns in SMALL[figure].items()
    }


QUICK = ("fig3_mean_alignment", "fig6_annealing", "figs_multimodal")


@pytest.mark.parametrize(
    "figure",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SMALL],
)
def test_every_panel_of_every_figure_has_values(figure):
    drawn = figure_values(figure.split("_", 1)[1], tables(figure))
    assert len(drawn["picture"]) > 10_000
    filled = [panel for panel in drawn["panels"] if panel["points"] or panel["maps"]]
    assert len(filled) >= 0.5 * len(drawn["panels"])
    for panel in filled:
        left, top, right, bottom = panel["box"]
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert "$" not in panel["x"] + panel["y"] + panel["title"]
        for series in panel["points"]:
            assert all(left - 1e-3 <= u <= right + 1e-3 for u in series["u"])
            assert all(top - 1e-3 <= v <= bottom + 1e-3 for v in series["v"])


def test_the_values_are_the_tables():
    table = tables("figs_multimodal")["modes_found"]
    drawn = figure_values("multimodal", {"modes_found": table})
    shown = {
        (round(x, 4), round(y, 4))
        for panel in drawn["panels"]
        for series in panel["points"]
        for x, y in zip(series["x"], series["y"], strict=True)
    }
    held = set(zip(table["separation"].round(4), table["n_found"].round(4), strict=True))
    assert shown <= held
    assert len(shown) > 3


def test_an_interval_goes_with_its_point():
    table = tables("figs_multimodal")["modes_found"]
    drawn = figure_values("multimodal", {"modes_found": table})
    for panel in drawn["panels"]:
        for series in panel["points"]:
            middle = np.add(series["low"], series["high"]) / 2
            np.testing.assert_allclose(middle, series["y"], atol=1e-4)


def test_bars_and_maps_tell_lengths_and_names():
    drawn = figure_values("annealing", tables("fig6_annealing"))
    first, *_, last = drawn["panels"]
    table = tables("fig6_annealing")["annealing_map"]
    steps = {f"{number:g}" for number in table["anneal_steps"]}
    assert set(first["named"]["x"].values()) <= steps
    assert {f"{x:g}" for x in first["maps"][0]["x"]} == set(first["named"]["x"])
    lengths = np.array([series["x"] for series in last["points"] if len(series["x"]) > 1])
    assert ((lengths >= 0) & (lengths <= 1)).all()


def test_a_long_table_says_that_it_is_cut():
    data = table_data("long", pd.DataFrame({"x": np.arange(6000.0)}), {"x": "1"})
    assert len(data["rows"]) == 5000
    assert data["note"] == "The first 5000 of 6000 rows, 1 columns; results/long.csv has all"


def test_a_figure_without_all_its_tables_is_left_out(tmp_path):
    assert finished(tmp_path) == {}


@pytest.fixture
def page(window, tmp_path):
    given = tables("figs_multimodal")
    units = {"modes_found": {"separation": "standard deviations of a mode"}}
    path = tmp_path / "figs_multimodal.html"
    path.write_text(figure_page("figs_multimodal", "<b>`$x`", given, units), encoding="utf-8")
    window.emulate(900, 900)
    window.open(path)
    return window


def test_a_pointer_is_told_the_value(page):
    found = page.run(
        """
        const series = FIGURE.panels.find(one => one.points.length).points[0];
        const stage = document.querySelector("#stage");
        await document.querySelector("#stage img").decode();
        const box = stage.getBoundingClientRect();
        const at = {clientX: box.left + series.u[0] * box.width + 3,
                    clientY: box.top + series.v[0] * box.height - 3};
        stage.dispatchEvent(new PointerEvent("pointermove", at));
        const said = document.querySelector("#tip").innerText;
        stage.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left, clientY: box.top}));
        return [said, series.x[0], series.y[0], document.querySelector("#tip").hidden];
        """
    )
    said, x, y, gone = found
    assert f"separation r: {x:.5g}" in said
    assert f"modes found: {y:.5g}" in said
    assert gone
    assert page.complaints() == []


def test_a_table_is_sorted_and_searched(page):
    found = page.run(
        """
        const column = TABLES[0].columns.indexOf("n_found");
        const cells = () => [...document.querySelectorAll("tbody tr")].map(
            row => Number(row.children[column].title));
        const head = document.querySelectorAll("th")[column];
        const button = head.querySelector("button");
        button.click();
        const [up, said] = [cells(), head.getAttribute("aria-sort")];
        button.click();
        const down = cells();
        const search = document.querySelector("input");
        search.value = "random";
        search.dispatchEvent(new Event("input"));
        const units = [...document.querySelectorAll("th span")].map(one => one.textContent);
        return {up, said, down, kept: cells().length, units,
                caption: document.querySelector("h1 + p").textContent};
        """
    )
    table = tables("figs_multimodal")["modes_found"]
    assert found["up"] == sorted(found["up"])
    assert found["down"] == sorted(found["up"], reverse=True)
    assert len(found["up"]) == len(table)
    assert found["said"] == "ascending"
    assert found["kept"] == (table["arrangement"] == "random").sum()
    assert "standard deviations of a mode" in found["units"]
    assert found["caption"] == "<b>`$x`"
