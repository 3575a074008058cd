"""Where sounds come from: synthetic modulations, a folder of recordings, renders of a real synth."""
