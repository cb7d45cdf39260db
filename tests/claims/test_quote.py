"""Documents quote the table of claims, and nothing else."""

import pandas as pd
import pytest

from modecollapse.claims.claim import UNITS, number, told
from modecollapse.pipeline.quote import (
    between,
    claims_page,
    figures_page,
    filled,
    quote,
    remedies_table,
)
from modecollapse.store import StoreError, write_table
from modecollapse.theory.ranking import COLUMNS

ROW = dict.fromkeys(UNITS, "") | {
    "claim": "small-start",
    "figure": "fig3_mean_alignment",
    "value": 0.54,
    "low": 0.5,
    "high": 0.58,
    "above": 0.2,
    "below": float("inf"),
    "verdict": "holds",
    "tables": "collapse_probability",
    "formed": "beforehand",
}
TABLE = pd.DataFrame([ROW])


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        ((0.5432, 0.501, 0.584), "0.54 (0.50 to 0.58)"),
        ((0.0, 0.0, 0.0041), "0.000 (0.000 to 0.004)"),
        ((0.2, 0.1, 0.31), "0.2 (0.1 to 0.3)"),
        ((12345.0, 12000.0, 12700.0), "12345 (12000 to 12700)"),
        ((2.2596076, 2.2596076, 2.2596076), "2.26"),
        ((1.5, 1.0, float("inf")), "1.5"),
    ],
)
def test_digits_are_those_that_the_interval_leaves(estimate, text):
    assert number(*estimate) == text


def test_every_document_is_brought_up_to_date_once(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("a [?](docs/claims.md#small-start) b [c](docs/d.md)\n")
    (tmp_path / "docs" / "practice.md").write_text("[0.1](claims.md#small-start)\n")
    assert len(quote(tmp_path, TABLE)) == 5
    read = (tmp_path / "README.md").read_text()
    assert read == "a [0.54 (0.50 to 0.58)](docs/claims.md#small-start) b [c](docs/d.md)\n"
    assert (tmp_path / "docs" / "practice.md").read_text().startswith("[0.54 (0.50")
    assert pd.read_csv(tmp_path / "reference" / "claims.csv")["claim"].tolist() == ["small-start"]
    assert quote(tmp_path, TABLE) == []


def remedies() -> pd.DataFrame:
    """An early row, which must not be shown, and the last ones of two remedies and two of flows."""
    rows = [
        ("simulation", "four modes", "natural", 500.0, 0.9, 0.3),
        ("simulation", "four modes", "natural", 900.0, 0.25, -0.0001),
        ("simulation", "equal modes", "plain", 900.0, 0.5, 0.3),
        ("flow", "equal modes", "mixture base", 800.0, 0.5, 0.7),
        ("flow", "equal modes", "plain", 800.0, 1.0, 0.7),
    ]
    names = ["source", "problem", "remedy", "cost", "probability", "regret"]
    made = pd.DataFrame(rows, columns=names)
    made = made.assign(regret_low=made["regret"] - 0.02, regret_high=made["regret"] + 0.02)
    return made.assign(**{name: 0 for name in COLUMNS if name not in made})


def test_the_table_of_remedies_is_rewritten_from_the_last_rows(tmp_path):
    page = "before\n<!-- remedies -->\nold\n<!-- end of remedies -->\n[?](claims.md#small-start)\n"
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "remedies.md").write_text(page)
    table = remedies()
    write_table(tmp_path / "results" / "remedies.csv", table, dict.fromkeys(table, "1"), {})
    (tmp_path / "docs" / "figures.md").write_text("[1](claims.md#a-claim-that-is-gone)\n")
    quote(tmp_path, TABLE)
    text = (tmp_path / "docs" / "remedies.md").read_text()
    assert text.splitlines()[2:] == [
        "| remedy | equal modes | unequal modes | four modes |",
        "|---|---|---|---|",
        "| plain | 0.500, 0.300 ± 0.020 | – | – |",
        "| natural | – | – | 0.250, 0.000 ± 0.020 |",
        "| RealNVP: plain | 1.000, 0.700 ± 0.020 | – | – |",
        "| RealNVP: mixture base | 0.500, 0.700 ± 0.020 | – | – |",
        "<!-- end of remedies -->",
        "[0.54 (0.50 to 0.58)](claims.md#small-start)",
    ]
    assert quote(tmp_path, TABLE) == []
    kept = pd.read_csv(tmp_path / "src" / "modecollapse" / "theory" / "remedies.csv")
    assert remedies_table(kept) in text
    with pytest.raises(StoreError, match="remedies"):
        between("no such comments\n", "remedies", "")


def test_the_table_of_components_is_written_from_the_run(tmp_path):
    rows = [
        ("four modes", 3, "fixed", "euclidean", 2.4, 0.55),
        ("four modes", 8, "trained", "natural", 4.0, -0.0001),
        ("four modes", 8, "fixed", "euclidean", 3.0, 0.2),
    ]
    names = ["problem", "n_components", "weights", "geometry", "n_found", "regret"]
    made = pd.DataFrame(rows, columns=names)
    write_table(tmp_path / "results" / "components_paid.csv", made, dict.fromkeys(made, "1"), {})
    (tmp_path / "docs").mkdir()
    page = "<!-- components -->\nold\n<!-- end of components -->\n"
    (tmp_path / "docs" / "remedies.md").write_text(page)
    quote(tmp_path, TABLE)
    assert (tmp_path / "docs" / "remedies.md").read_text().splitlines() == [
        "<!-- components -->",
        "| problem | K | fixed, euclidean | trained, natural |",
        "|---|---|---|---|",
        "| four modes | 3 | 2.40 (0.80), 0.550 | – |",
        "| four modes | 8 | 3.00 (0.38), 0.200 | 4.00 (0.50), 0.000 |",
        "<!-- end of components -->",
    ]


def test_a_claim_that_is_not_there_is_named():
    with pytest.raises(StoreError, match="gone"):
        filled("[1](claims.md#gone)", {})


def test_the_page_has_an_anchor_for_each_claim():
    page = claims_page(TABLE)
    assert "\n### small-start\n" in page
    assert "0.54 (0.50 to 0.58)" in page
    assert "above 0.2" in page
    assert "**holds**" in page
    assert "formed" not in page.split("###")[1]
    late = claims_page(TABLE.assign(formed="after looking"))
    assert late.endswith("`collapse_probability`), formed after looking at these runs.\n")


def test_the_page_of_figures_has_pictures_captions_and_verdicts():
    page = figures_page(
        {"fig3_mean_alignment": "Both move to μ\\*.\n\n\\(a) Flow.\n\nVerdicts.\n"}, TABLE
    )
    assert "**Both move to μ*.**" in page
    assert "images/fig3_mean_alignment.png" in page
    assert "\n(a) Flow.\n" in page
    assert "[holds](claims.md#small-start)" in page
    assert "Verdicts" not in page


def test_a_caption_tells_verdict_words_and_number():
    text = told(TABLE.assign(words="Small starts help.", statistic="part"))
    assert text == "[holds] Small starts help. (part: 0.54 (0.50 to 0.58).)"
