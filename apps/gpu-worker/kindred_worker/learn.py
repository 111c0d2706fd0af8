"""From a snapshot to the encoder's files: opens, chooses features, trains with checkpoints, writes. Restartable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from kindred_worker import __version__
from kindred_worker.checkpoints import Checkpoints
from kindred_worker.continuation import has_lost, open_former, why_anew
from kindred_worker.data.arrays import events_until, load
from kindred_worker.data.features import FeatureSpec
from kindred_worker.data.fit import NEEDED_CUSTOMERS, examine
from kindred_worker.data.quality import QUALITY
from kindred_worker.data.snapshot import Snapshot
from kindred_worker.data.storage import Folder, WrittenFile
from kindred_worker.following import assembled, processes
from kindred_worker.items.basket import item_field
from kindred_worker.items.fitting import fit_recommender
from kindred_worker.models.behaviour import BehaviourModel
from kindred_worker.models.bundle import ENCODER, FEATURES, SURPRISE, WEIGHTS, save_model
from kindred_worker.models.encoders import check_encoder
from kindred_worker.models.plan import resolve
from kindred_worker.objectives import check_names
from kindred_worker.protocol import protocol_of
from kindred_worker.report import InvalidInput, Report
from kindred_worker.spec import TrainingSpec
from kindred_worker.surprise import fit_surprise
from kindred_worker.train import TrainingData, loss_of, never_learned_from, train


@dataclass(frozen=True)
class Learned:
    files: list[WrittenFile]
    events: int
    customers: int


def learn(spec: TrainingSpec, snapshot: Snapshot, output: Folder, report: Report, champion_uri: str = "") -> Learned:
    """Writes quality.json, encoder.safetensors, features.json and encoder.json, items.* where there is something to
    recommend, and surprise.json; where this same run has written them, only says so. Goes on from the champion's weights
    where it can (continuation.py); encoder.json says which, and why not."""
    key = _key(spec, snapshot, champion_uri)
    done = _done(output, key)
    if done is not None:
        return done
    check_spec(spec)
    report.progress(0.0, "choosing features")
    fitted = examine(snapshot, spec, report.check)
    features, quality = fitted.features, fitted.quality
    report.metric("quality.left_out", 0, len(quality.left_out))
    report.metric("quality.drift", 0, quality.most_drift)
    report.progress(0.04, "reading events")
    former, data, reason = _begin(spec, snapshot, features, champion_uri, report)
    report.metric("continued", 0, float(former is not None))
    checkpoints = Checkpoints(output, key)
    # Refused before hours are spent on the rest.
    _check_share(spec, data.arrays.count)
    item_field(data.features, spec.item_field)
    protocol_of(former.plan if former else resolve(spec, data.features, data.arrays, data.now), snapshot)
    with assembled(spec, snapshot, data, former, report, processes()) as team:
        trained = train(spec, data, checkpoints, report.part(0.08, 0.93), former, team)
    recommender = fit_recommender(trained.model, data.arrays, snapshot.now, spec.item_field, spec.seed, report.part(0.93, 0.98))
    beside = [output.write(name, content) for name, content in (recommender.to_bytes() if recommender else {}).items()]
    apart = never_learned_from(trained.split, data.arrays)
    surprise = fit_surprise(trained.model, data.arrays, spec.seed, report.part(0.98, 0.99), apart)
    if surprise:
        beside.append(output.write_json(SURPRISE, surprise.to_json()))
    written = output.write_json(QUALITY, quality.to_json())
    files = save_model(
        output,
        trained.model,
        {
            "key": key,
            "version": __version__,
            "snapshot": snapshot.manifest.content_hash,
            "spec": asdict(spec),
            "steps": trained.steps,
            "processes": team.size,
            "events": trained.events,
            "customers": trained.customers,
            "metrics": trained.metrics,
            "now": snapshot.now,
            "eventsUntilNow": events_until(data.arrays.events.time, snapshot.now),
            "split": asdict(trained.split),
            "continued": former is not None,
            "begunAnewBecause": reason,
            "beside": [file.path for file in beside],
        },
    )
    checkpoints.clear()
    report.progress(1.0, "encoder written")
    return Learned([written, *beside, *files], trained.events, trained.customers)


def check_spec(spec: TrainingSpec) -> None:
    """Raises InvalidInput where the spec names an encoder or a pretext task that there is none of."""
    check_encoder(spec.encoder)
    check_names(spec.objectives)


def _check_share(spec: TrainingSpec, customers: int) -> None:
    left = round(spec.sample_fraction * customers)
    if left < NEEDED_CUSTOMERS <= customers:
        raise InvalidInput(
            f"sampleFraction {spec.sample_fraction:g} leaves {left} of {customers} customers to learn from; {NEEDED_CUSTOMERS} are needed"
        )


def _begin(
    spec: TrainingSpec, snapshot: Snapshot, features: FeatureSpec, champion_uri: str, report: Report
) -> tuple[BehaviourModel | None, TrainingData, str]:
    """The model to go on from with the data as it sees them; or none, the data anew, and why."""
    former = open_former(champion_uri) if spec.continued_epochs else "it is not wanted"
    reason = former if isinstance(former, str) else why_anew(spec, former, features)
    if not isinstance(former, str) and not reason:
        arrays = load(snapshot, former.model.features, report.check)
        data = TrainingData(former.model.features, arrays, snapshot.now, former.knew)
        report.check()
        loss = loss_of(spec, data, former.model)
        report.metric("surprise", 0, loss / former.loss - 1)
        if has_lost(former, data.arrays.events.time):
            reason = "events that the champion learned from are gone"
        elif loss > (1 + spec.surprise) * former.loss:
            reason = f"people behave otherwise: the champion's loss is {loss:.4g}, it was {former.loss:.4g}"
        else:
            return former.model, data, ""
    return None, TrainingData(features, load(snapshot, features, report.check), snapshot.now), reason


def _key(spec: TrainingSpec, snapshot: Snapshot, champion_uri: str) -> str:
    """Names this very training: spec, data, code, and what it may go on from."""
    told: dict[str, object] = {"spec": asdict(spec), "data": snapshot.manifest.content_hash, "until": snapshot.until}
    told |= {"code": __version__, "champion": champion_uri}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _done(output: Folder, key: str) -> Learned | None:
    """encoder.json is written last: where it lies with this key, the run is over."""
    if not output.exists(ENCODER):
        return None
    try:
        facts = output.read_json(ENCODER)
    except InvalidInput:
        return None
    names = (QUALITY, *facts.get("beside", ()), WEIGHTS, FEATURES, ENCODER)
    if facts.get("key") != key or not all(output.exists(name) for name in names):
        return None
    contents = [(name, output.read(name)) for name in names]
    files = [WrittenFile(name, hashlib.sha256(c).hexdigest(), len(c)) for name, c in contents]
    return Learned(files, int(facts["events"]), int(facts["customers"]))
