"""What a bench hands back: leads are differences on the same draws."""

from __future__ import annotations

import pytest

from bench.sheet import Sheet


def test_a_lead_is_taken_draw_by_draw_over_the_mean_of_the_seeds() -> None:
    sheet = Sheet()
    for draw, (theirs, ours) in enumerate([(0.70, (0.71, 0.73)), (0.60, (0.61, 0.61)), (0.80, (0.79, 0.81))]):
        sheet.add_draw("50 labels", "aggregates", draw, theirs)
        for one in ours:
            sheet.add_draw("50 labels", "embedding", draw, one)
    sheet.lead("50 labels", "embedding", "aggregates")
    sheet.lead("200 labels", "embedding", "aggregates")  # nothing was drawn
    (row,) = sheet.rows()
    assert (row["figure"], row["subject"], row["n"]) == ("50 labels, above aggregates", "embedding", 3)
    assert row["values"] == pytest.approx([0.02, 0.01, 0.0])
    assert (row["mean"], row["sd"]) == (pytest.approx(0.01), pytest.approx(0.00816, abs=1e-5))
