"""From readings to segments: the space, the partition, its strength, its words. Knows nothing of rpc or training."""
