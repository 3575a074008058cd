"""Base class of the variants of all tagged unions of config classes, with default implementations.

A family (parameterizations, synths, data sources, losses, optimizers) is a union of frozen dataclasses with a `kind`.
Facts about a single variant that rules, warm-up and reports need are methods or class attributes of its config, so no
other file lists the variants.
"""

from collections.abc import Hashable

from core.settings.audio import AudioConfig


class Variant:
    """Base class of all variants."""

    __slots__ = ()

    kind: str
    """Tag of the variant within its union."""

    def check(self, audio: AudioConfig) -> None:
        """Check rules that involve several settings of this config or the clips; ranges are checked on loading.

        Raises:
            ValueError: a rule is broken; the message states the rule, the values and a remedy.
        """

    def kernels(self) -> Hashable:
        """A key that is equal for configs which run the same compiled kernels."""
        return self.kind

    @classmethod
    def warm_ups(cls) -> tuple["Variant", ...]:
        """Configs that together run every kernel of this variant, to compile them ahead of time."""
        return (cls(),)
