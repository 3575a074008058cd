"""Data sources: synthetic modulations, folders of recordings and renders of a real synth."""
