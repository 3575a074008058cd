"""The learned perceptual distance: its network from a package of its form, and the error without the package."""

import hashlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.metrics import perceptual
from core.metrics.perceptual import cdpam_distance

RATE = perceptual.SAMPLE_RATE


class _Encoder(nn.Module):
    """Gives each sound's level in 16-bit samples and 1, in place of the features of the real network."""

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        level = audio.abs().amax((1, 2))
        return level, torch.stack([level, torch.ones_like(level)], 1), level


class _Network(nn.Module):
    """A network with the parts of CDPAM's that are used."""

    def __init__(self, **sizes: Any) -> None:
        super().__init__()
        assert sizes["encoder_layers"] == 16
        self.base_encoder = _Encoder()
        self.scale = nn.Parameter(torch.zeros(()))

    def model_dist(self, first: Tensor, second: Tensor) -> Tensor:
        return self.scale * (first - second).abs().sum(1)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package of this form, whose file of weights is the returned path."""
    weights = tmp_path / "CDPAM_trained" / "scratchJNDdefault_best_model.pth"
    weights.parent.mkdir()
    torch.save({"state": {"scale": torch.tensor(2.0)}}, weights)
    monkeypatch.setattr(perceptual, "WEIGHTS_SHA256", sha256_of(weights))
    models: Any = ModuleType("cdpam.models")
    models.FINnet, models.__file__ = _Network, str(tmp_path / "models.py")
    cdpam: Any = ModuleType("cdpam")
    cdpam.models = models
    monkeypatch.setitem(sys.modules, "cdpam", cdpam)
    monkeypatch.setitem(sys.modules, "cdpam.models", models)
    monkeypatch.setattr(perceptual, "_model", perceptual._model.__wrapped__)
    return weights


def test_sounds_are_given_as_16_bit_samples_and_features_as_unit_vectors(package: Path) -> None:
    assert package.exists()
    loud, silent = torch.full((1, 2000), 0.5), torch.zeros(1, 2000)
    # The features (16384, 1) and (0, 1), each divided by its length, differ by 1 in both numbers.
    assert cdpam_distance(loud, silent, RATE).tolist() == pytest.approx([4], rel=1e-3)
    assert cdpam_distance(loud, loud, RATE).tolist() == [0]


def test_sounds_that_are_not_finite_have_no_distance(package: Path) -> None:
    assert package.exists()
    audio = torch.rand(3, 2000)
    audio[1, 4] = torch.nan
    assert cdpam_distance(audio, audio, 16_000).isnan().tolist() == [False, True, False]


def test_weights_of_another_file_are_refused_before_they_are_unpickled(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"state": {"scale": torch.tensor(3.0)}}, package)
    monkeypatch.setattr(torch, "load", None)
    with pytest.raises(ConfigError, match=r"weights of cdpam are not those of version 0\.0\.6"):
        cdpam_distance(torch.zeros(1, 2000), torch.zeros(1, 2000), RATE)


def test_weights_of_another_network_are_refused(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"state": {"other": torch.zeros(1)}}, package)
    monkeypatch.setattr(perceptual, "WEIGHTS_SHA256", sha256_of(package))
    with pytest.raises(ConfigError, match="weights of cdpam cannot be loaded"):
        cdpam_distance(torch.zeros(1, 2000), torch.zeros(1, 2000), RATE)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cdpam", None)
    monkeypatch.setattr(perceptual, "_model", perceptual._model.__wrapped__)
    with pytest.raises(ConfigError, match=r"needs the extra `perceptual`.*pip install modstudy\[perceptual\]"):
        cdpam_distance(torch.zeros(1, 2000), torch.zeros(1, 2000), RATE)
