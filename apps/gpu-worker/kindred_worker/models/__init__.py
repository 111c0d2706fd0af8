"""Encoders (events -> state -> embedding) and the model bundle around them."""
