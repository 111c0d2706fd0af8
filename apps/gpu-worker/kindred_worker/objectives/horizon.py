"""Horizon: whether each foreseen event happens within each horizon of a moment, and how much then.

Whether is a discrete hazard over the horizons' steps, so a longer horizon is never less likely. How much is the
log1p of the summed value (of events that carry value, else of their number), learned where the event happens;
the expectation over both cases is probability times that. A horizon that reaches beyond the data's end is left out.

Chances drift with the time, so what is said to people is read once more from the newest moments alone (newest.py), at the level of
the season to come (season.py): `newest_*` is what is added to the hazards, and `season` to the logarithm of their sum up to each
horizon. And of the main events it is the mean of two opinions, the other one from the tally (companion.py). What customers are grouped
by is the same with another opinion of the tally's, which may have more to say. The loss is of all times, and of what is learned, and
does without all that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from kindred_worker.data.features import Encoded, FeatureSpec
from kindred_worker.models.encoder import Sight
from kindred_worker.models.forecast_column import ForecastColumn
from kindred_worker.models.plan import Plan, event_codes
from kindred_worker.models.tally import tally_width
from kindred_worker.objectives.objective import Moments, Objective, masked_mean

DAY = 86_400_000_000
OTHERS_WEIGHT = 0.5  # of events that are no main events


@dataclass(frozen=True)
class Opinion:
    """What the tally says of C main events' hazards, then of their amounts, and its share in the mean with what is learned."""

    weight: Tensor  # (2 C H, P)
    bias: Tensor  # (2 C H)
    share: Tensor  # () 0..1

    def copy_(self, other: Opinion) -> None:
        self.weight.copy_(other.weight)
        self.bias.copy_(other.bias)
        self.share.copy_(other.share)


class Horizon(Objective):
    def __init__(self, features: FeatureSpec, plan: Plan) -> None:
        super().__init__()
        self.days, self.codes = plan.horizon_days, event_codes(features)
        self.events, self.mains = features.events, len(features.main_events)
        # Events with values of their own; found in the data by `measure`, kept with the weights.
        self.valued: Tensor
        self.scale: Tensor  # (M) spread of the log amounts, so that none outweighs the others
        self.smear: Tensor  # (M, H) mean of exp(residual): from the mean of logs to the mean of amounts
        self.register_buffer("valued", torch.zeros(len(self.events)))
        self.register_buffer("scale", torch.ones(len(self.events)))
        self.register_buffer("smear", torch.ones(len(self.events), len(self.days)))
        self.head = nn.Linear(plan.width, 2 * len(self.events) * len(self.days))
        self.newest_weight: Tensor  # (M H, D)
        self.newest_bias: Tensor  # (M H)
        self.register_buffer("newest_weight", torch.zeros(len(self.events) * len(self.days), plan.width))
        self.register_buffer("newest_bias", torch.zeros(len(self.events) * len(self.days)))
        outputs = 2 * self.mains * len(self.days)
        for whose in ("tally", "grouping"):
            self.register_buffer(f"{whose}_weight", torch.zeros(outputs, tally_width(plan)))
            self.register_buffer(f"{whose}_bias", torch.zeros(outputs))
            self.register_buffer(f"{whose}_share", torch.zeros(()))
        self.season: Tensor  # (M, H)
        self.register_buffer("season", torch.zeros(len(self.events), len(self.days)))
        self.register_load_state_dict_pre_hook(_older_have_none)
        weight = [1.0 if at < self.mains else OTHERS_WEIGHT for at in range(len(self.events))]
        self._has_value = np.zeros(len(self.events), bool)  # `valued`, where targets are made: no device is asked for it
        self.register_load_state_dict_post_hook(_know_values)
        self.weight: Tensor
        self.register_buffer("weight", torch.tensor(weight).view(-1, 1), persistent=False)

    def measure(self, events: Encoded) -> None:
        """Which events carry value, and how amounts spread."""
        for at, code in enumerate(self.codes):
            amounts = events.value[events.name == code]
            self.valued[at] = float(len(amounts) > 0 and np.mean(amounts != 0) > 0.5)
            logs = np.log1p(np.abs(amounts)) if self.valued[at] else np.zeros(1)
            self.scale[at] = max(float(np.std(logs)), 0.5)
        self.know_values()

    @property
    def foreseen_by(self) -> Opinion:
        """As it is kept here: to be changed in place."""
        return self._opinion("tally")

    @property
    def grouped_by(self) -> Opinion:
        """The same for what customers are grouped by; as `foreseen_by` where they are grouped by what is foreseen."""
        return self._opinion("grouping")

    def _opinion(self, whose: str) -> Opinion:
        return Opinion(*(self.get_buffer(f"{whose}_{part}") for part in ("weight", "bias", "share")))

    def know_values(self) -> None:
        self._has_value = self.valued.cpu().numpy() > 0

    def targets(self, moments: Moments) -> dict[str, np.ndarray]:
        """happened (B, R, M, H) 0/1, amount (B, R, M, H) log1p, known (B, R, H) 0/1."""
        events = moments.events
        is_event = events.name[:, None] == self.codes  # (n, M)
        amounts = np.where(self._has_value, np.abs(events.value)[:, None].astype(np.float64), 1.0) * is_event
        count = np.concatenate([np.zeros((1, len(self.codes))), np.cumsum(is_event, axis=0)])
        total = np.concatenate([np.zeros((1, len(self.codes))), np.cumsum(amounts, axis=0)])
        begin = moments.position()
        happened, amount, known = [], [], []
        for days in self.days:
            end = moments.position(days)
            happened.append(count[end] - count[begin] > 0)
            amount.append(np.log1p(np.maximum(total[end] - total[begin], 0)))
            known.append(moments.at + round(days * DAY) <= moments.now)
        return {
            "happened": np.stack(happened, axis=-1).astype(np.float32),
            "amount": np.stack(amount, axis=-1).astype(np.float32),
            "known": np.stack(known, axis=-1).astype(np.float32),
        }

    def loss(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        quiet, amount = self._read(embedding)
        known = targets["known"].unsqueeze(-2) * self.weight  # (B, R, M, H)
        happened = targets["happened"]
        whether = nats(quiet, happened)
        much = functional.huber_loss(amount, targets["amount"], reduction="none") / self.scale.view(-1, 1)
        return masked_mean(whether, known) + 0.5 * masked_mean(much, known * happened)

    def columns(self) -> list[ForecastColumn]:
        every: list[ForecastColumn] = []
        for at, event in enumerate(self.events):
            main = at < self.mains
            every += [ForecastColumn(event, days, "probability", main) for days in self.days]
            amount = "value" if self._has_value[at] else "count"
            every += [ForecastColumn(event, days, amount, main) for days in self.days]
        return every

    def forecast(self, sight: Sight) -> Tensor:
        return self._forecast(sight, self.foreseen_by)

    def grouping(self, sight: Sight) -> Tensor:
        return self._forecast(sight, self.grouped_by)

    def amounts(self, sight: Sight) -> Tensor:
        """(N, M, H) expected value in its own units; 0 for events without value. As learned, which `smear` belongs to."""
        hazards, amount = self._learned(sight.embedding)
        quiet = self._in_season(self._lately(hazards, sight.tally, self.foreseen_by))
        mean = torch.expm1(amount.clamp(min=0, max=30)) * self.smear
        return -torch.expm1(quiet) * mean * self.valued.view(-1, 1)

    def smear_of(self, embedding: Tensor, targets: dict[str, Tensor]) -> Tensor:
        """(2, M, H): sums of true and of predicted amounts where the event happened (Duan's smearing, as a ratio)."""
        _, amount = self._read(embedding)
        where = targets["known"].unsqueeze(-2) * targets["happened"]
        true, said = torch.expm1(targets["amount"]), torch.expm1(amount.clamp(min=0, max=30))
        return torch.stack([(true * where).flatten(0, -3).sum(0), (said * where).flatten(0, -3).sum(0)])

    def hazards(self, embedding: Tensor) -> Tensor:
        """(…, M, H) of each step between horizons, before the softplus, as learned from all times."""
        return self._out(embedding)[..., 0, :, :]

    def quiet_lately(self, sight: Sight) -> Tensor:
        """(…, M, H) log P(not within horizon), as the newest times and the tally have it, without the season to come."""
        return self._lately(self._learned(sight.embedding)[0], sight.tally, self.foreseen_by)

    def _read(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """log P(not within horizon) and log1p amount if it happens, both (…, M, H), as learned from all times."""
        out = self._out(embedding)
        return quiet_of(out[..., 0, :, :]), self._amount(out)

    def _forecast(self, sight: Sight, opinion: Opinion) -> Tensor:
        """(…, F)"""
        hazards, amount = self._learned(sight.embedding)
        probability = -torch.expm1(self._in_season(self._lately(hazards, sight.tally, opinion)))
        much = self._with_tally(amount, sight.tally, opinion, 1).clamp(min=0)
        return torch.cat([probability, probability * much], dim=-1).flatten(-2)

    def _learned(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Hazards before the softplus, as the newest times have them, and log1p amount as learned, both (…, M, H)."""
        out = self._out(embedding)
        added = functional.linear(embedding, self.newest_weight, self.newest_bias).unflatten(-1, (len(self.events), len(self.days)))
        return out[..., 0, :, :] + added, self._amount(out)

    def _lately(self, hazards: Tensor, tally: Tensor, opinion: Opinion) -> Tensor:
        return quiet_of(self._with_tally(hazards, tally, opinion, 0))

    def _in_season(self, lately: Tensor) -> Tensor:
        """(…, M, H) log P(not within horizon) at the level of the season to come."""
        quiet = (lately * self.season.exp()).unbind(-1)
        # However the seasons of two horizons differ: a longer one is never less likely.
        return torch.stack(list(accumulate(quiet, torch.minimum)), dim=-1)

    def _with_tally(self, learned: Tensor, tally: Tensor, opinion: Opinion, which: int) -> Tensor:
        """Hazards (`which` 0) or amounts (1), (…, M, H), of the main events in the mean with what the tally (…, P) says of them."""
        if opinion.weight.shape[1] == 0:
            return learned
        counted = functional.linear(tally, opinion.weight, opinion.bias).unflatten(-1, (2, self.mains, len(self.days)))
        mean = torch.lerp(learned[..., : self.mains, :], counted[..., which, :, :], opinion.share)
        return torch.cat([mean, learned[..., self.mains :, :]], dim=-2)

    def _out(self, embedding: Tensor) -> Tensor:
        return self.head(embedding).unflatten(-1, (2, len(self.events), len(self.days)))

    def _amount(self, out: Tensor) -> Tensor:
        return out[..., 1, :, :] * self.scale.view(-1, 1) + 1.0


def quiet_of(hazards: Tensor) -> Tensor:
    """(…, H) log P(not within horizon) of hazards before the softplus."""
    return torch.cumsum(-functional.softplus(hazards - 1.0), dim=-1)


def _know_values(head: nn.Module, _: object) -> None:
    """After weights were read."""
    assert isinstance(head, Horizon)
    head.know_values()


def nats(quiet: Tensor, happened: Tensor) -> Tensor:
    """(…) by how much log P(not within) missed what happened, 0/1: the negative log likelihood."""
    return -(happened * log_not(quiet) + (1 - happened) * quiet)


def of_own_horizon(quiet: Tensor, windows: Sequence[int]) -> Tensor:
    """(N, M, H) of customers window after window, so many in each -> (N, M): of each window its own horizon, for a longer one is not
    known there."""
    horizon = torch.repeat_interleave(torch.tensor(windows, device=quiet.device), output_size=len(quiet))
    return quiet.gather(-1, horizon.view(-1, 1, 1).expand(-1, quiet.shape[1], -1)).squeeze(-1)


def log_not(quiet: Tensor) -> Tensor:
    """log(1 - exp(quiet)) for quiet < 0, without losing digits at either end."""
    clipped = quiet.clamp(max=-1e-6)
    return torch.where(clipped > -0.7, torch.log(-torch.expm1(clipped)), torch.log1p(-torch.exp(clipped)))


def _older_have_none(head: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Weights from before the newest times, the season or the tally were read apart say what they said, and customers are grouped by it."""
    assert isinstance(head, Horizon)
    for name in ("newest_weight", "newest_bias", "season", "tally_weight", "tally_bias", "tally_share"):
        state.setdefault(prefix + name, torch.zeros_like(head.get_buffer(name)))
    for part in ("weight", "bias", "share"):
        state.setdefault(f"{prefix}grouping_{part}", state[f"{prefix}tally_{part}"].clone())
