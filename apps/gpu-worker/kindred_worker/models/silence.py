"""Silence: how long nothing came, for one who used to come so often.

Neither how often somebody came nor how long ago says whether they are gone: who came daily and was away for a month is, who comes
twice a year is not. With a rate of coming ~ Gamma(1/2, a) before anything is known, `count` events between `tenure` and `since` days
ago leave Gamma(count - 1/2, a + tenure - since), and so long a silence is then a chance of
    exp(-nats),  nats = (count - 1/2) ln((a + tenure) / (a + tenure - since)):
the law behind BG/NBD and Pareto/NBD (Fader, Hardie and Lee 2005; Schmittlein, Morrison and Colombo 1987), whose one number that no
sum of logarithms makes this is. Scales a are those that sums fade with. Nothing is fitted. Figures: docs/adr/0015-what-can-be-foreseen.md.
"""

from __future__ import annotations

import torch
from torch import Tensor


def silence(count: Tensor, since: Tensor, tenure: Tensor, scale: Tensor) -> Tensor:
    """Of (…) events the first `tenure` and the last `since` days ago, by (K) scales in days -> (…, 2 K): log1p of the nats, and the
    chance; 0 without events."""
    silent = since.unsqueeze(-1)
    heard = scale + (tenure - since).clamp(min=0).unsqueeze(-1)
    nats = (count - 0.5).clamp(min=0).unsqueeze(-1) * torch.log1p(silent / heard)
    return torch.cat([torch.log1p(nats), torch.exp(-nats) * (count > 0.5).to(nats.dtype).unsqueeze(-1)], dim=-1)
