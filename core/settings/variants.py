"""Base class of the variants of all tagged unions of config classes, with default implementations.

A family (parameterizations, synths, data sources, losses, optimizers) is a union of frozen dataclasses with a `kind`.
Facts about a single variant that rules, warm-up and reports need are methods or class attributes of its config, so no
other file lists the variants.
"""

from collections.abc import Hashable
from typing import TypeVar

from core.settings.audio import AudioConfig

AnyVariant = TypeVar("AnyVariant", bound="Variant")
"""Any config class of a variant."""


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

    def at_rate(self: AnyVariant, sample_rate: int, from_rate: int) -> AnyVariant:  # noqa: ARG002
        """The config for clips of another sample rate; those with sizes in samples keep what these are in seconds.

        Args:
            sample_rate: The sample rate in Hz.
            from_rate: The sample rate for which the config was made.
        """
        return self

    @classmethod
    def warm_ups(cls) -> tuple["Variant", ...]:
        """Configs that together run every kernel of this variant, to compile them ahead of time."""
        return (cls(),)
