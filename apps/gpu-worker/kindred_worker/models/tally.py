"""The tally: each main event counted, with nothing learned, beside what an encoder learns to sum.

For event m, u_i = 1 where event i is one and w_i = |its value|; of both, sums that fade with every half-life k, one of them
infinite:  S_k(t) = sum_i 2^(-(t - t_i) / halflife_k) u_i.  And when it came first and last. How unlikely so long a silence
is follows from these (silence.py). What is read at a time is the same whatever chance a model was trained with: so what is foreseen
from it alone (companion.py) is the same too. Sums add up, so an event that comes late is counted exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kindred_worker.data.features import FeatureSpec
from kindred_worker.models.encoder import EventVectors
from kindred_worker.models.plan import Plan, event_codes
from kindred_worker.models.silence import silence

MICROS_PER_DAY = 86_400_000_000.0
OF_TIMES = 7  # numbers read of when an event came, beside the sums
LARGEST = 30.0  # log of the largest value that is counted


def tally_width(plan: Plan) -> int:
    """P, of what is read of the tally that this plan's encoder keeps; M numbers of each kind, one kind after the other."""
    of_silence = 2 * len(plan.half_life_days) * plan.silent
    return plan.counted * (2 * (len(plan.half_life_days) + 1) + OF_TIMES + of_silence)


class Counted(nn.Module):
    """What of an event is counted: (n) names and (n, G) scaled numbers -> (n, 2 M), that it is each of M main events, and its value."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.codes: Tensor
        self.register_buffer("codes", torch.from_numpy(event_codes(features)[: len(features.main_events)]), persistent=False)
        named = [at for at, n in enumerate(features.numbers) if n.name == features.value_property and n.kind == "numeric"]
        self.value = named[0] if named else None
        self.mean, self.deviation = (features.numbers[named[0]].mean, features.numbers[named[0]].deviation) if named else (0.0, 1.0)

    def forward(self, name: Tensor, numbers: Tensor) -> Tensor:
        is_one = (name.unsqueeze(1) == self.codes).float()
        if self.value is None:
            return torch.cat([is_one, torch.zeros_like(is_one)], dim=1)
        logs = (torch.nan_to_num(numbers[:, self.value], nan=-self.mean / self.deviation) * self.deviation + self.mean).abs()
        return torch.cat([is_one, is_one * torch.expm1(logs.clamp(max=LARGEST)).unsqueeze(1)], dim=1)


@dataclass(frozen=True)
class Tallies:
    """N customers; sums stand at the time of each one's last event of any kind."""

    sums: Tensor  # (N, (K + 1) 2 M)
    first: Tensor  # (N, M) int64 microseconds, 0 where it never came
    last: Tensor  # (N, M)


class Tally(nn.Module):
    """Of M events, with the halvings per day of K finite half-lives and one infinite, which is the last."""

    def __init__(self, events: int, rate: Tensor, silent: bool) -> None:
        super().__init__()
        self.events, self.silent = events, silent
        self.rate: Tensor
        self.register_buffer("rate", rate, persistent=False)
        self.size = len(rate) * 2 * events
        self.width = self.size + (OF_TIMES + 2 * (len(rate) - 1) * silent) * events

    def blank(self, count: int) -> Tallies:
        """Of N customers without events."""
        never = torch.zeros(count, dtype=torch.int64, device=self.rate.device).unsqueeze(1).expand(-1, self.events)
        return Tallies(self.rate.new_zeros(count, self.size), never, never)

    def later(self, sums: Tensor, days: Tensor) -> Tensor:
        """(n, size) `days` (n) later."""
        share = torch.exp2(-days.unsqueeze(1) * self.rate).unsqueeze(2)
        return (sums.unflatten(1, (-1, 2 * self.events)) * share).flatten(1)

    def of(self, counted: Tensor) -> Tensor:
        """(n, 2 M) of events -> (n, size) at their own time."""
        return counted.repeat(1, self.rate.shape[0])

    def add(self, old: Tallies, events: EventVectors, gap: Tensor, last: Tensor) -> Tallies:
        """With new events in any order, whose vectors are what is counted of each; sums stood `gap` (N) days before `last` (N)."""
        lengths = events.offsets[1:] - events.offsets[:-1]
        owner = torch.repeat_interleave(torch.arange(len(gap), device=gap.device), lengths, output_size=len(events.time))
        days = ((last[owner] - events.time).double() / MICROS_PER_DAY).to(gap.dtype)
        sums = self.later(old.sums, gap).index_add(0, owner, self.later(self.of(events.x), days))
        return Tallies(sums, *self._met(old, events, owner))

    def _met(self, old: Tallies, events: EventVectors, owner: Tensor) -> tuple[Tensor, Tensor]:
        """When each event came first and last, (N, M) both."""
        whose = owner.unsqueeze(1).expand(-1, self.events)
        is_one, time = events.x[:, : self.events] > 0, events.time.unsqueeze(1)
        most, least = torch.iinfo(torch.int64).max, torch.iinfo(torch.int64).min
        never = old.last == 0
        first = torch.where(never, most, old.first).scatter_reduce(0, whose, torch.where(is_one, time, most), "amin")
        last = torch.where(never, least, old.last).scatter_reduce(0, whose, torch.where(is_one, time, least), "amax")
        return torch.where(first == most, 0, first), torch.where(last == least, 0, last)

    def step(self, old: Tallies, counted: Tensor, time: Tensor, gap: Tensor) -> Tallies:
        """With one event each, none older than what the sums stand at, `gap` (N) days after it."""
        is_one = counted[:, : self.events] > 0
        moment = time.unsqueeze(1)
        first = torch.where(is_one & (old.last == 0), moment, old.first)
        return Tallies(self.later(old.sums, gap) + self.of(counted), first, torch.where(is_one, moment, old.last))

    def read(self, tallies: Tallies, days: Tensor, at: Tensor) -> Tensor:
        """(N, width) at times (N), `days` (N) after what the sums stand at."""
        sums = self.later(tallies.sums, days)
        forever = sums.unflatten(1, (-1, 2, self.events))[:, -1]  # (N, 2, M)
        count, value = forever[:, 0], forever[:, 1]
        met = (tallies.last != 0).to(sums.dtype)
        since = self._days(tallies.last, at) * met
        tenure = self._days(tallies.first, at) * met
        gaps = (tenure - since).clamp(min=0) / (count - 1).clamp(min=1)
        again = (count > 1.5).to(sums.dtype)
        times = [
            torch.log1p(since),
            torch.log1p(tenure),
            torch.log1p(tenure / count.clamp(min=1)),
            torch.log1p(gaps),
            torch.log1p(since / gaps.clamp(min=1 / 1440)) * again,
            met - again,
            torch.log1p(value / count.clamp(min=1)),
        ]
        if self.silent:
            times.append(silence(count, since, tenure, 1 / self.rate[:-1]).transpose(1, 2).flatten(1))
        return torch.cat([torch.log1p(sums.clamp(min=0)), *times], dim=1)

    def read_many(self, events: EventVectors, at: Tensor) -> Tensor:
        """(B, R, width) at times (B, R), each from the events up to it; one reading after the other."""
        owner = torch.repeat_interleave(
            torch.arange(len(at), device=at.device), events.offsets[1:] - events.offsets[:-1], output_size=len(events.time)
        )
        blank = self.blank(len(at))
        none = events.x.new_zeros(len(at))
        read: list[Tensor] = []
        for moment in at.unbind(1):
            seen = events.time <= moment[owner]
            offsets = torch.cat([seen.new_zeros(1, dtype=torch.int64), seen.long().cumsum(0)])[events.offsets]
            until = EventVectors(offsets, events.time[seen], events.x[seen])
            read.append(self.read(self.add(blank, until, none, moment), none, moment))
        return torch.stack(read, dim=1)

    def _days(self, earlier: Tensor, later: Tensor) -> Tensor:
        """(N, M) and (N) int64 microseconds -> days, never below 0."""
        return ((later.unsqueeze(1) - earlier).double() / MICROS_PER_DAY).clamp(min=0).to(self.rate.dtype)
