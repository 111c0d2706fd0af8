"""Messages of the contract <-> the worker's own dataclasses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from kindred_worker.data.storage import WrittenFile
from kindred_worker.gen.kindred.worker.v1 import novelty_pb2, rule_pb2
from kindred_worker.gen.kindred.worker.v1 import worker_pb2 as pb
from kindred_worker.report import InvalidInput
from kindred_worker.segments.condition import in_words
from kindred_worker.spec import TrainingSpec

if TYPE_CHECKING:
    from kindred_worker.discover import Discovered, Segment
    from kindred_worker.evaluate import Evaluated
    from kindred_worker.segments.ordinary import Reach
    from kindred_worker.segments.rule import Rule


def spec_of(message: pb.TrainingSpec) -> TrainingSpec:
    """Unset means the default, and so does zero where it could mean nothing else. Raises InvalidInput."""
    default = TrainingSpec()
    weights = {o.name: o.weight or 1.0 for o in message.objectives}
    if len(weights) < len(message.objectives):
        raise InvalidInput("objectives: each may be named once")
    return TrainingSpec(
        encoder=message.encoder or default.encoder,
        objectives=weights or default.objectives,
        width=message.width or default.width,
        epochs=message.epochs,
        batch_size=message.batch_size or default.batch_size,
        learning_rate=message.learning_rate or default.learning_rate,
        horizon_days=tuple(message.horizon_days),
        half_life_days=tuple(message.half_life_days),
        segment_count=message.segment_count,
        sample_fraction=message.sample_fraction or default.sample_fraction,
        seed=message.seed,
        main_events=tuple(message.main_events),
        value_property=message.value_property,
        leak_guard=not message.keep_leaks,
        keep_properties=tuple(message.keep_properties),
        leave_out_properties=tuple(message.leave_out_properties),
        item_field=message.item_field,
        precision=message.precision,
        continued_epochs=message.continued_epochs if message.HasField("continued_epochs") else default.continued_epochs,
        continued_learning_rate=message.continued_learning_rate or default.continued_learning_rate,
        surprise=message.surprise if message.HasField("surprise") else default.surprise,
        reads=message.reads or default.reads,
        held_out=message.held_out if message.HasField("held_out") else default.held_out,
        item_dropout=message.item_dropout if message.HasField("item_dropout") else default.item_dropout,
        dropout=message.dropout if message.HasField("dropout") else default.dropout,
    ).checked()


def completed(files: Sequence[WrittenFile], events: int, customers: int) -> pb.Completed:
    return pb.Completed(files=[file_of(f) for f in files], events=events, customers=customers)


def discovered(found: Discovered) -> pb.DiscoverCompleted:
    return pb.DiscoverCompleted(
        completed=completed(found.files, found.events, found.customers),
        segments=[_segment(s, found.main_event) for s in found.segments],
        retired_champion_indexes=found.retired_champion_indexes,
        ordinary_novelty=novelty_pb2.OrdinaryNovelty(customers=_reach(found.ordinary), events=_reach(found.ordinary_events)),
    )


def _reach(reach: Reach | None) -> novelty_pb2.NoveltyReach | None:
    return None if reach is None else novelty_pb2.NoveltyReach(**reach.to_json())


def evaluated(found: Evaluated) -> pb.EvaluateCompleted:
    return pb.EvaluateCompleted(
        completed=completed(found.files, found.events, found.customers),
        measures=[
            pb.Measure(name=m.name, subject=m.subject, value=m.value, deviation=m.deviation, baseline=m.baseline) for m in found.measures
        ],
        sample=None if found.sample is None else pb.PopulationSample(**asdict(found.sample)),
    )


def rule_of(rule: Rule, main_event: str) -> rule_pb2.SegmentRule:
    return rule_pb2.SegmentRule(
        text=rule.text,
        conditions=[
            rule_pb2.RuleCondition(
                trait=c.trait,
                operator=f"RULE_OPERATOR_{c.operator}",
                value=c.value,
                unit=c.unit,
                text=in_words([c], main_event),
            )
            for c in rule.conditions
        ],
        fidelity=rule.fidelity,
        precision=rule.precision,
        recall=rule.recall,
        balanced_accuracy=rule.balanced_accuracy,
        faithful=rule.is_faithful,
    )


def _segment(segment: Segment, main_event: str) -> pb.DiscoveredSegment:
    return pb.DiscoveredSegment(
        index=segment.index,
        name=segment.name,
        description=segment.description,
        size=segment.size,
        share=segment.share,
        stability=segment.stability,
        typical_customer_ids=segment.typical_customer_ids,
        traits=[
            pb.SegmentTrait(
                key=t.key,
                label=t.label,
                lift=t.lift,
                effect=t.effect,
                segment_value=t.segment_value,
                rest_value=t.rest_value,
                unit=t.unit,
            )
            for t in segment.traits
        ],
        overlaps=[
            pb.SegmentOverlap(
                champion_index=o.champion_index,
                jaccard=o.jaccard,
                share_of_new=o.share_of_new,
                share_of_champion=o.share_of_champion,
                matched=o.matched,
            )
            for o in segment.overlaps
        ],
        level=f"SEGMENT_LEVEL_{segment.level}",
        parent_index=segment.parent if segment.parent >= 0 else None,
        rule=None if segment.rule is None else rule_of(segment.rule, main_event),
    )


def file_of(file: WrittenFile) -> pb.ArtifactFile:
    return pb.ArtifactFile(path=file.path, sha256=file.sha256, bytes=file.bytes)
