"""Wavetables, built in or from files: tables of single cycles, indexed by position and phase."""

from core.wavetables.builtin import BUILTIN_WAVETABLES, BuiltinWavetable
from core.wavetables.files import load_wavetable, wavetable_sha256

__all__ = ["BUILTIN_WAVETABLES", "BuiltinWavetable", "load_wavetable", "wavetable_sha256"]
