"""Snapshots and live events, turned into flat arrays by one featuriser."""
