"""What every variant of a tagged union can be asked, with the answers of a variant about which nothing is special.

A family (parameterizations, synths, data sources, losses, optimizers) is a union of frozen dataclasses with a `kind`.
Whatever a rule, the warm-up or a report must know of one variant alone is a method or class attribute of its config, so
that no other file has to list variants.
"""

from collections.abc import Hashable
from typing import Self

from core.settings.audio import AudioConfig


class Variant:
    """Base of the config classes of a family."""

    __slots__ = ()

    kind: str

    def check(self, audio: AudioConfig) -> None:
        """Check whatever involves this part and the clips alone; ranges of single settings are checked on loading.

        Raises:
            ValueError: a rule is broken; the message names the rule, the values, and what to do.
        """

    def kernels(self) -> Hashable:
        """A key that is equal for two configs of this kind which run the same compiled kernels."""
        return self.kind

    @classmethod
    def warm_ups(cls) -> tuple[Self, ...]:
        """Configs that together run every kernel this kind can need, for compiling them ahead of time."""
        return (cls(),)
