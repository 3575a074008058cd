"""LFO-net: from a sound to the logits of its modulation curves."""
