"""Whether a training goes on from the champion's weights, or begins anew and why.

Two trainings from chance agree on whom they call alike only so far (docs/adr/0005-stable-retraining.md). A retraining
that goes on from the champion's weights changes what the new data change. It may where the champion sees and foresees
what this training would: the same properties, the same events, the same shape. It keeps the champion's vocabularies and
scales then; words that are new fall into the vocabularies' spare places until a training begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch.nn import functional

from kindred_worker.data.arrays import events_until
from kindred_worker.data.features import FeatureSpec, Int64
from kindred_worker.data.split import Split
from kindred_worker.data.storage import Folder
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import ENCODER, load_model
from kindred_worker.models.plan import counted_of
from kindred_worker.report import HashMismatch, InvalidInput
from kindred_worker.sampler import Predecessor
from kindred_worker.spec import TrainingSpec

NEW_WORDS = 0.2  # share of a vocabulary's words that the champion does not know, above which it is learned anew


@dataclass(frozen=True)
class Former:
    model: BehaviourModel
    loss: float  # its validation loss when it was made
    events: int  # that it learned from
    knew: Predecessor


def open_former(uri: str) -> Former | str:
    """The champion as a model to go on from, or why there is none to be had."""
    if not uri:
        return "there is no champion yet"
    folder = Folder(uri)
    try:
        facts = folder.read_json(ENCODER)
        loss, now, events = float(facts["metrics"]["validation.loss"]), int(facts["now"]), int(facts["eventsUntilNow"])
        split = Split(int(facts["split"]["seed"]), float(facts["split"]["share"]))
        return Former(_counting(load_model(folder)), loss, events, Predecessor(split, now, int(facts["customers"])))
    except (InvalidInput, HashMismatch, FileNotFoundError, KeyError, TypeError, ValueError) as error:
        return f"the champion cannot be read ({error})"


def _counting(model: BehaviourModel) -> BehaviourModel:
    """A champion from before there was a tally, or from before silences were read of it, gets them, and says what it said: they have no
    weights that learn, and its opinion none of what is new."""
    counted = counted_of(model.plan.encoder, model.features)
    plan = replace(model.plan, counted=counted, silent=counted > 0)
    if plan == model.plan:
        return model
    grown, known = BehaviourModel(model.features, plan), model.state_dict()
    fits = {name: value.shape for name, value in grown.state_dict().items()}
    for name, value in known.items():
        if name.endswith((".tally_weight", ".grouping_weight")):  # what is read in addition stands at the end
            known[name] = functional.pad(value, (0, fits[name][1] - value.shape[1]))
    grown.load_state_dict({name: value for name, value in known.items() if value.shape == fits[name]})
    return grown


def why_anew(spec: TrainingSpec, former: Former, features: FeatureSpec) -> str:
    """Why a training with these features cannot go on from `former`; empty where it can."""
    plan, known = former.model.plan, former.model.features
    asked = (spec.encoder, spec.width, dict(spec.objectives), spec.dropout, spec.item_dropout)
    if asked != (plan.encoder, plan.width, dict(plan.objectives), plan.dropout, plan.item_dropout):
        return "another model is asked for"
    if spec.horizon_days and tuple(sorted(spec.horizon_days)) != plan.horizon_days:
        return "other horizons are asked for"
    if spec.half_life_days and spec.half_life_days != plan.half_life_days:
        return "other half-lives are asked for"
    if (features.main_events, set(features.events)) != (known.main_events, set(known.events)):
        return "other events are foreseen"
    if (features.value_property, features.timezone) != (known.value_property, known.timezone):
        return "value or timezone are others"
    if _seen(features) != _seen(known):
        return "other properties are seen"
    new, old = _vocabularies(features), _vocabularies(known)
    if set(new["name"]) - set(old["name"]):
        return "there are new events"
    grown = [column for column, words in new.items() if len(set(words) - set(old[column])) > NEW_WORDS * max(1, len(words))]
    return f"there are many new words in {grown[0]}" if grown else ""


def has_lost(former: Former, times: Int64) -> bool:
    """Whether events that the champion learned from are no longer among these (E), microseconds: somebody may have been
    erased, and weights that go on from it would still remember them."""
    return events_until(times, former.knew.now) < former.events


def _seen(features: FeatureSpec) -> list[tuple[str, ...]]:
    """Each property that the encoder sees and its kind, in the order in which it sees them."""
    seen = [("category", c.column, c.kind) for c in features.categories] + [("number", n.column, n.kind) for n in features.numbers]
    for item in features.items:
        seen += [(item.column, c.column, c.kind) for c in item.categories] + [(item.column, n.column, n.kind) for n in item.numbers]
    return seen


def _vocabularies(features: FeatureSpec) -> dict[str, tuple[str, ...]]:
    columns = {c.column: c.vocabulary.words for c in features.categories}
    items = {f"{i.column}.{c.column}": c.vocabulary.words for i in features.items for c in i.categories}
    return {"name": features.names.words, **columns, **items}
