"""The inputs of labels/head.py as a function of tensors: gradients go through it, and graphs are made of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from kindred_worker.labels.head import SURE, Scales, foreseen_columns
from kindred_worker.models.forecast_column import ForecastColumn


class HeadInputs(nn.Module):
    kept: Tensor  # (P) columns of the forecast
    chances: Tensor  # (P) bool
    mean: Tensor  # (P + D)
    scale: Tensor  # (P + D); the embedding's part widened by the shrinkage

    def __init__(self, columns: Sequence[ForecastColumn], scales: Scales, shrinkage: float) -> None:
        super().__init__()
        kept, chances = foreseen_columns(columns)
        mean = np.concatenate([scales.foreseen[0], scales.embedding[0]])
        scale = np.concatenate([scales.foreseen[1], scales.embedding[1] / shrinkage])
        self.register_buffer("kept", torch.tensor(kept), persistent=False)
        self.register_buffer("chances", torch.from_numpy(chances), persistent=False)
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)), persistent=False)
        self.register_buffer("scale", torch.from_numpy(scale.astype(np.float32)), persistent=False)

    def forward(self, embedding: Tensor, forecast: Tensor) -> Tensor:
        """(N, D), (N, F) -> (N, P + D), as `Inputs.joined` has them."""
        said = forecast.index_select(1, self.kept)
        chance = said.clamp(SURE, 1 - SURE)
        foreseen = torch.where(self.chances, torch.log(chance) - torch.log1p(-chance), said)
        return (torch.cat([foreseen, embedding], dim=1) - self.mean) / self.scale
