"""A few labels, and the head that learns from them on the frozen encoder (docs/labels.md)."""
