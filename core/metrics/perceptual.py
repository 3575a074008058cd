"""CDPAM, a learned perceptual distance of sounds, with the weights that its package ships (extra `perceptual`).

Reference: Manocha, Jin, Zhang, Finkelstein (2021), arXiv 2102.05109. It was trained on pairs of speech that listeners
compared, at 22.05 kHz, so on notes it is a stranger's opinion. It takes some seconds a clip on a CPU, and is therefore
no metric of trials; `modstudy sounds` computes it of the sounds that one names.

The package's own class cannot be used: it loads its weights by `torch.load` in a way that PyTorch refuses since 2.6.
The network is built here as that class builds it. Its file of weights is an old pickle, which could run code and which
PyTorch cannot read without that, so it is only read if it has the hash of the released file.
"""

import hashlib
import io
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchaudio.functional as AF
from jaxtyping import Float
from torch import Tensor

from core.errors import ConfigError
from core.regular_files import read_regular

SAMPLE_RATE = 22_050
"""Rate of the sounds that the network was trained on."""
_FULL_SCALE = 32_768
"""Its inputs are 16-bit samples."""
_WEIGHTS = Path("CDPAM_trained") / "scratchJNDdefault_best_model.pth"
"""File of weights in the package."""
WEIGHTS_SHA256 = "453c8b6edee1a94f0120236156436ff28fe4d8d884485e4a67695c8e8570bdfe"
"""Hash of this file in cdpam 0.0.6."""


_MAX_WEIGHTS_BYTES = 2**28


@torch.no_grad()
def cdpam_distance(
    target: Float[Tensor, "clip sample"], estimate: Float[Tensor, "clip sample"], sample_rate: int
) -> Float[Tensor, " clip"]:
    """Perceptual distance of each pair of sounds, 0 for equal ones; NaN where a sound is not finite.

    Raises:
        ConfigError: the package is not installed, or is another version.
    """
    model = _model()
    is_finite = (target.isfinite() & estimate.isfinite()).all(-1)
    pairs = [AF.resample(audio.nan_to_num(0.0, 0.0, 0.0), sample_rate, SAMPLE_RATE) for audio in (target, estimate)]
    distances = []
    for pair in zip(*pairs, strict=True):
        acoustic = [model.base_encoder((_FULL_SCALE * audio).round()[None, None])[1] for audio in pair]
        distances.append(model.model_dist(*(F.normalize(each, dim=1) for each in acoustic)))
    return torch.where(is_finite, torch.cat(distances), torch.nan)


@cache
def _model() -> Any:
    """The trained network.

    Raises:
        ConfigError: it cannot be imported or loaded.
    """
    try:
        with warnings.catch_warnings():
            # It imports numpy.matlib, which is deprecated.
            warnings.simplefilter("ignore")
            from cdpam import models
    except ImportError as error:
        raise ConfigError(
            f"the perceptual distance needs the extra `perceptual`, 100 MB: pip install modstudy[perceptual] ({error})"
        ) from error
    model = models.FINnet(
        dev=torch.device("cpu"),
        encoder_layers=16,
        encoder_filters=64,
        ndim=[16, 6],
        classif_dp=0.05,
        classif_BN=0,
        classif_act="no",
        input_size=512,
    )
    try:
        data = read_regular(Path(models.__file__).parent / _WEIGHTS, _MAX_WEIGHTS_BYTES)
        if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
            raise ConfigError("the weights of cdpam are not those of version 0.0.6; pip install cdpam==0.0.6")
        model.load_state_dict(torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)["state"])
    except (OSError, KeyError, RuntimeError) as error:
        raise ConfigError(f"the weights of cdpam cannot be loaded: {error}; pip install cdpam==0.0.6") from error
    return model.eval()
