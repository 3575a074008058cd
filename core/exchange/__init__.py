"""Files with which curves and wavetables leave for synths, samplers and other programs."""
