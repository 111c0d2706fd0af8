"""The evaluation page: whole, readable without a server, and plain about who wins."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from kindred_worker.page import alarm, page, verdict
from kindred_worker.page.charts import standings
from kindred_worker.page.verdict import claims


def measure(name: str, subject: str, value: float, deviation: float = 0.004, baseline: bool = False) -> dict[str, Any]:
    return {"name": name, "subject": subject, "value": value, "deviation": deviation, "baseline": baseline}


def compared(ours: float, theirs: float) -> list[dict[str, Any]]:
    return [
        measure("auc", "forecast", ours - 0.01),
        measure("auc", "embedding", ours),
        measure("auc_boosted", "embedding", ours - 0.002),
        measure("auc", "untrained", ours - 0.02, baseline=True),
        measure("auc", "rfm", theirs - 0.02, baseline=True),
        measure("auc_boosted", "aggregates", theirs, baseline=True),
        measure("auc_200_labels", "aggregates", theirs - 0.05, baseline=True),
        measure("auc", "aggregates+embedding", max(ours, theirs) + 0.004),
    ]


def told(measures: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """An evaluation.json."""
    segment = {"index": 0, "customers": 70, "rate_before": 0.3, "rate_after": 0.25, "stability": 0.55}
    prop = {
        "property": "<b>size</b>",
        "kind": "numeric",
        "missing": 0.1,
        "distinct": 7,
        "within": 0.5,
        "owned": 0.0,
        "drift": 0.3,
        "kept": True,
    }
    return {
        "measures": measures,
        "verdict": verdict(measures),
        "alarms": [],
        "protocol": {
            "event": ["Order Completed"],
            "days": 30.0,
            "t0": 0,
            "cut": 30 * 86_400_000_000,
            "fitted_on": 90,
            "tested_on": 100,
            "positives": 0.4,
        },
        "curves": {"loss": [[10, 3.0], [20, 2.5]], "identity_recall": [[0, 0.01], [20, 0.02]]},
        "held_out": 40,
        "quality": {"events": 1000, "customers": 90, "guard": True, "notes": ["<i>size</i> changed"], "properties": [prop]},
        "partition:segments": [segment],
        "partition:rfm": [segment],
        **more,
    }


def test_it_says_plainly_that_hand_made_features_win() -> None:
    first = verdict(compared(ours=0.79, theirs=0.81))[0]
    assert first.startswith("Hand-made features win: hand-made aggregates by LightGBM, AUC 0.810")
    assert "this encoder by logistic regression, AUC 0.790" in first
    assert "within one deviation" not in first
    text = page(told(compared(ours=0.79, theirs=0.81)))
    assert f"<strong>{html.escape(first)}</strong>" in text


def test_it_says_that_the_encoder_wins_and_how_narrowly() -> None:
    said = verdict(compared(ours=0.812, theirs=0.81))
    assert said[0].startswith("The encoder wins: this encoder by logistic regression, AUC 0.812")
    assert "difference of 0.002 lies within one deviation" in said[0]
    assert said[1].startswith("Together they gain 0.004: ")
    assert said[2].startswith("Training brought 0.020")
    assert "within one deviation" not in said[2]
    barely = [m | {"deviation": 0.03} if m["subject"] == "untrained" else m for m in compared(ours=0.812, theirs=0.81)]
    assert verdict(barely)[2].endswith("That lies within one deviation.")


def test_where_nothing_could_be_compared_it_says_why() -> None:
    assert verdict([measure("rank_me", "embedding", 9.0)]) == []
    text = page(told([measure("rank_me", "embedding", 9.0)], left_out="every AUC: too few customers came"))
    assert "Nothing could be compared; left out: every AUC: too few customers came." in text


def test_the_page_names_every_figure_and_calls_nobody() -> None:
    measures = [
        *compared(0.8, 0.81),
        measure("ece", "forecast", 0.0123),
        measure("ari", "segments", 0.5),
        measure("new_figure", "x", 17.123),
    ]
    text = page(
        told(measures, reliability=[{"claimed": 0.2, "happened": 0.3, "customers": 9}, {"claimed": 0.7, "happened": 0.6, "customers": 4}])
    )
    for m in measures:
        assert re.search(rf'<td class="text">{re.escape(m["name"])}</td><td class="text">{re.escape(m["subject"])}</td>', text)
    assert "17.1" in text
    assert "0.012" in text
    assert text.count("<svg") == 3  # standings, calibration, curves
    assert not re.search(r"""https?:|src=|@import|url\((?!#)|href="(?!#)|<script|<link""", text)
    assert "0.550 unstable" in text


def test_what_the_marks_mean_stands_above_every_figure() -> None:
    height = {text: float(y) for y, text in re.findall(r'<text [^>]* y="([\d.]+)"[^>]*>([^<]+)</text>', standings(compared(0.8, 0.81)))}
    assert max(height["logistic regression"], height["LightGBM"]) < height["recency, frequency and money"] - 15


def test_names_from_the_data_stay_text() -> None:
    text = page(told(compared(0.8, 0.81)))
    assert "<b>size" not in text
    assert "<i>size" not in text
    assert "&lt;b&gt;size&lt;/b&gt;" in text


def test_the_same_figures_make_the_same_page() -> None:
    assert page(told(compared(0.8, 0.81))) == page(told(compared(0.8, 0.81)))


@pytest.mark.parametrize(
    ("recall", "customers", "gain", "deviation", "fires"),
    [
        ((0.011, 0.203), 500, -0.017, 0.004, True),  # contrastive slices: identity learned, foresight lost
        ((0.011, 0.321), 500, -0.017, 0.004, True),  # with an id-like column
        ((0.011, 0.203), 500, 0.003, 0.004, False),  # told apart better, and foreseen better
        ((0.011, 0.012), 500, -0.017, 0.004, False),  # foreseen worse, for another reason
        ((0.02, 0.12), 24, -0.017, 0.004, False),  # too few to say
        ((0.011, 0.203), 500, -0.003, 0.004, False),  # within the noise
    ],
)
def test_an_alarm_needs_identity_to_rise_and_foresight_to_fall(
    recall: tuple[float, float], customers: int, gain: float, deviation: float, fires: bool
) -> None:
    said = alarm(recall, customers, gain, deviation)
    assert (said is not None) == fires
    if said:
        assert "Alarm: the encoder learned who customers are" in said
        assert said in page(told(compared(0.8, 0.81), alarms=[said]))


def test_it_says_whether_the_chances_can_be_taken_at_their_word() -> None:
    bins = [{"claimed": 0.2, "happened": 0.1, "customers": 100}, {"claimed": 0.8, "happened": 0.5, "customers": 300}]
    said = claims(bins, ["Order Completed"])
    assert said is not None
    assert said.startswith("The chances are too high here: of everyone together it claimed 65.0 %, and 40.0 % came.")
    assert "without regard to the others" not in said
    assert "one of 2 events" in (claims(bins, ["Order Completed", "Product Viewed"]) or "")
    assert (claims([{"claimed": 0.5, "happened": 0.51, "customers": 10}], []) or "").startswith("The chances can be taken at their word")
    assert claims([], ["Order Completed"]) is None


def test_the_question_of_several_events_is_whether_any_comes() -> None:
    several = told(compared(ours=0.8, theirs=0.79))
    several["protocol"] |= {"event": ["Order Completed", "Product Viewed"]}
    assert "does any of Order Completed, Product Viewed come within" in page(several)
    assert "does Order Completed come within" in page(told(compared(ours=0.8, theirs=0.79)))


def test_what_almost_every_event_lacks_is_not_called_missing_from_all() -> None:
    rare = told(compared(ours=0.8, theirs=0.79))
    rare["quality"]["properties"][0] |= {"missing": 0.9978}
    assert "<td>over 99 %</td>" in page(rare)


def test_events_without_properties_have_no_empty_table() -> None:
    bare = told(compared(ours=0.8, theirs=0.79))
    assert ">drift (PSI)</th>" in page(bare)
    bare["quality"]["properties"] = []
    assert ">drift (PSI)</th>" not in page(bare)
    assert "1,000 events of 90 customers before 1970-01-01, without any property." in page(bare)
