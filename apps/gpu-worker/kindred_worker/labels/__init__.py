"""A few labels, and the head that learns from them on the encoder, frozen or tuned (docs/labels.md)."""
