"""The segments of a model as tensors: the same rule as segments/assignment.py, for the exported live form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kindred_worker.segments.assignment import UNSEEN, SegmentModel
from kindred_worker.segments.novelty import DECADES, MARGIN, NEIGHBOURS

FAR = 1e30  # stands for "no such segment"


class Placing(nn.Module):
    """Embedding (N, D) and forecast (N, F) -> segment (N) int64, strength (N), novelty (N), place on the map (N, 2),
    finer segment (N) int64."""

    def __init__(self, segments: SegmentModel) -> None:
        super().__init__()
        space, strength, novelty, layout = segments.space, segments.strength, segments.novelty, segments.map
        self.by_forecast, self.by_embedding = len(space.knots) > 0, bool(space.embedding_projection.any())
        self.knots, self.widths = torch.tensor(space.knots[:, :-1]), torch.tensor(space.knots[:, 1:] - space.knots[:, :-1])
        self.slopes, self.projection = torch.tensor(space.slopes), torch.tensor(space.projection)
        self.mean, self.embedding_projection = torch.tensor(space.mean), torch.tensor(space.embedding_projection)
        self.centres, self.gaps = torch.tensor(segments.centres), torch.tensor(segments.gaps)
        self.border_weights, self.segment_weights = torch.tensor(strength.border_weights), torch.tensor(strength.segment_weights)
        self.scale, self.agreement = strength.scale, _Interpolation(strength.knots, strength.values)
        ageing = novelty.ageing
        self.ageing, self.usual = torch.tensor(ageing.direction), torch.tensor(ageing.usual)
        self.ages, self.passing = torch.tensor(ageing.knots[:-1]), torch.tensor(ageing.knots[1:] - ageing.knots[:-1])
        self.whitening = torch.tensor(novelty.whitening)
        self.directions, self.landmarks = torch.tensor(novelty.directions), torch.tensor(novelty.landmarks)
        self.rarity, self.last_knot, self.tail = _Interpolation(novelty.knots, novelty.decades), float(novelty.knots[-1]), novelty.slope
        self.residual_scale, self.farthest = novelty.residual_scale, novelty.farthest
        family = segments.family
        self.finer_centres, self.finer_of = torch.tensor(family.finer_centres), torch.tensor(family.finer_of)
        self.first_finer = segments.count + family.coarser_count
        self.layout, self.axes, self.softness = torch.tensor(layout.layout), torch.tensor(layout.axes), layout.softness

    def forward(self, embedding: Tensor, forecast: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        points = self._points(embedding, forecast)
        squared = _squared_distances(points, self.centres)
        index = squared.argmin(dim=1)
        distance = self._distance(embedding)
        novelty = ((self.rarity(distance) + (distance - self.last_knot).clamp(min=0) * self.tail) / DECADES).clamp(0, 1)
        unseen = (distance > MARGIN * self.farthest) & (novelty >= 1)
        strength = torch.where(unseen, 0.0, self._strength(squared, index))
        index = torch.where(unseen, UNSEEN, index)
        return index, strength, novelty, self._map(points, squared), self._finer(points, index)

    def _points(self, embedding: Tensor, forecast: Tensor) -> Tensor:
        points = embedding.new_zeros(embedding.shape[0], self.projection.shape[1])  # len() would fix the number in an export
        if self.by_forecast:
            within = torch.minimum((forecast.unsqueeze(2) - self.knots).clamp(min=0), self.widths)
            points = points + (within * self.slopes).sum(dim=2) @ self.projection
        if self.by_embedding:
            points = points + (embedding - self.mean) @ self.embedding_projection
        return points

    def _finer(self, points: Tensor, index: Tensor) -> Tensor:
        if not len(self.finer_of):
            return torch.full_like(index, UNSEEN)
        is_part = self.finer_of == index.unsqueeze(1)
        nearest = _squared_distances(points, self.finer_centres).masked_fill(~is_part, FAR).argmin(dim=1)
        return torch.where(is_part.any(dim=1), nearest + self.first_finer, UNSEEN)

    def _strength(self, squared: Tensor, index: Tensor) -> Tensor:
        own = squared.gather(1, index.unsqueeze(1))
        is_own = torch.arange(len(self.centres), device=index.device) == index.unsqueeze(1)
        planes = ((squared - own) / (2 * self.gaps[index])).masked_fill(is_own, FAR)
        two = 2 if len(self.centres) > 2 else 1
        nearest = (torch.topk(planes, two, dim=1, largest=False)[0] / self.scale).clamp(0, 50)
        one, other = nearest[:, 0], nearest[:, -1]
        depth = (own.squeeze(1).sqrt() / self.scale).clamp(max=50)
        borders = torch.stack([one.sqrt(), torch.log(one + 0.02), other.sqrt(), depth], dim=1)
        return self.agreement(torch.sigmoid(borders @ self.border_weights + self.segment_weights[index]))

    def _distance(self, embedding: Tensor) -> Tensor:
        """As Novelty.distance, by differences instead of differences of squares: roots of near nothing keep their digits."""
        centred = embedding - self._usual(embedding)
        squared = ((centred @ self.whitening).unsqueeze(1) - self.landmarks).square().sum(dim=2)
        nearest = torch.topk(squared, min(NEIGHBOURS, len(self.landmarks)), dim=1, largest=False)[0].sqrt().mean(dim=1)
        outside = centred - (centred @ self.directions) @ self.directions.T
        return nearest + outside.square().sum(dim=1).sqrt() / self.residual_scale

    def _usual(self, embedding: Tensor) -> Tensor:
        """What is usual at the ages that the embeddings tell."""
        if not len(self.passing):
            return self.usual
        share = (((embedding @ self.ageing).unsqueeze(1) - self.ages) / self.passing).clamp(0, 1)
        return self.usual[0] + share @ (self.usual[1:] - self.usual[:-1])

    def _map(self, points: Tensor, squared: Tensor) -> Tensor:
        belonging = torch.softmax(-squared / self.softness, dim=1)
        return belonging @ self.layout + torch.tanh((points - belonging @ self.centres) @ self.axes)


class _Interpolation(nn.Module):
    """Piecewise linear through rising knots, flat outside of them (numpy.interp)."""

    def __init__(self, knots: object, values: object) -> None:
        super().__init__()
        at, height = torch.as_tensor(knots), torch.as_tensor(values)
        self.begins, self.widths = at[:-1], (at[1:] - at[:-1]).clamp(min=1e-12)
        self.first, self.rises = float(height[0]), height[1:] - height[:-1]

    def forward(self, value: Tensor) -> Tensor:
        share = ((value.unsqueeze(1) - self.begins) / self.widths).clamp(0, 1)
        return self.first + share @ self.rises


def _squared_distances(points: Tensor, centres: Tensor) -> Tensor:
    cross = points @ centres.T
    return (points.square().sum(dim=1, keepdim=True) + centres.square().sum(dim=1) - 2 * cross).clamp(min=0)
