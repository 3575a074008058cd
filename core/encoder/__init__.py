"""LFO-net, the encoder from audio to the logits of modulation curves."""
