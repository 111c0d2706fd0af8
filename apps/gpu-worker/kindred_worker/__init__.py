"""Kindred's worker: learns customer behaviour from event sequences and scores live events."""

__version__ = "0.1.0"
