"""Modulation curves of sounds of one's own: fitted directly, or by the encoder of a trained arm."""
