"""Kindred's worker: learns customer behaviour from event sequences and scores live events."""
