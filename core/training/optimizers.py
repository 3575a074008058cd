"""Schedule-Free AdamW (Defazio et al. 2024, arXiv 2405.15682) over parameters flattened into one vector.

Schedule-Free optimizers compute gradients at one set of weights and evaluate another, averaged one. Switching between
the two is not bit-exact, so a trial evaluates a copy of the model, and its optimizers stay in training mode.
"""

import copy
from collections.abc import Sequence
from typing import assert_never

import torch
from schedulefree import AdamWScheduleFree
from torch import Tensor, nn
from torch.optim import Optimizer

from core.settings.optimizers import OptimizerConfig
from core.settings.trainer import ClipScope
from core.training.model import DiscoveryModel


class FlatAdamW(AdamWScheduleFree):  # type: ignore[misc]  # schedulefree has no types
    """Schedule-Free AdamW; on the CPU all parameters are views of one vector, so a step takes only a few operations."""

    def __init__(self, parameters: Sequence[nn.Parameter], config: OptimizerConfig, lr: float) -> None:
        self.parameters = list(parameters)
        self.is_flat = parameters[0].device.type == "cpu"
        super().__init__(
            [flattened(parameters)] if self.is_flat else self.parameters,
            lr=lr,
            betas=(config.beta1, config.beta2),
            weight_decay=config.weight_decay,
            warmup_steps=config.warmup_steps,
            r=config.averaging_power,
        )
        self.train()

    # torch's decorator of this method imports its compiler, which takes two seconds per process.
    add_param_group = getattr(Optimizer.add_param_group, "__wrapped__", Optimizer.add_param_group)

    @property
    def trained(self) -> list[nn.Parameter]:
        """The optimized parameters: the vector, or on other devices the parameters themselves."""
        parameters: list[nn.Parameter] = self.param_groups[0]["params"]
        return parameters

    def set_gradients(self, gradients: Sequence[Tensor]) -> None:
        """Set the gradients of the parameters for the next step."""
        # Copies, since one tensor may be the gradient of two parameters.
        if self.is_flat:
            gradients = [torch.cat([gradient.flatten() for gradient in gradients])]
        else:
            gradients = [gradient.clone() for gradient in gradients]
        for parameter, gradient in zip(self.trained, gradients, strict=True):
            parameter.grad = gradient


def build_optimizers(model: DiscoveryModel, config: OptimizerConfig) -> list[FlatAdamW]:
    """An optimizer for the parameters of the synth's sound and one for all others; none for an empty group."""
    sound_parameters = model.synth.sound_parameters()
    sound_ids = {id(parameter) for parameter in sound_parameters}
    others = [
        parameter for parameter in model.parameters() if id(parameter) not in sound_ids and parameter.requires_grad
    ]
    return [
        FlatAdamW(parameters, config, lr)
        for parameters, lr in ((others, config.lr), (sound_parameters, config.synth_lr))
        if parameters
    ]


def compute_gradients(
    loss: Tensor, optimizers: Sequence[FlatAdamW], gradient_clip: float, clip_scope: ClipScope = "all"
) -> None:
    """Set the gradients of a loss for the next step of all optimizers, scaled down to a norm of `gradient_clip`.

    `torch.autograd.grad` is used: accumulating into many small parameters takes longer than computing the gradients.

    Args:
        loss: The loss.
        optimizers: The optimizers.
        gradient_clip: Largest norm.
        clip_scope: Whether the norm is that over all parameters, or over those of each optimizer, clipped on its own.
    """
    parameters = [parameter for optimizer in optimizers for parameter in optimizer.parameters]
    gradients = iter(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))
    for optimizer in optimizers:
        optimizer.set_gradients([next(gradients) for _ in optimizer.parameters])
    trained = [optimizer.trained for optimizer in optimizers]
    match clip_scope:
        case "all":
            groups = [[parameter for group in trained for parameter in group]]
        case "optimizer":
            groups = trained
        case _:
            assert_never(clip_scope)
    for group in groups:
        nn.utils.clip_grad_norm_(group, gradient_clip)


def flattened(parameters: Sequence[nn.Parameter]) -> nn.Parameter:
    """A vector with the values of the parameters, which become views of it."""
    vector = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
    views = torch.split(vector.detach(), [parameter.numel() for parameter in parameters])
    for parameter, view in zip(parameters, views, strict=True):
        parameter.data = view.view_as(parameter)
    return vector


def averaged_model(model: DiscoveryModel, optimizers: Sequence[FlatAdamW]) -> DiscoveryModel:
    """A copy of the model with the averaged weights that Schedule-Free evaluates."""
    trained = [parameter for optimizer in optimizers for parameter in optimizer.trained]
    training_values = [parameter.detach().clone() for parameter in trained]
    for optimizer in optimizers:
        optimizer.eval()
    averaged = copy.deepcopy(model)
    for module in averaged.modules():
        if isinstance(module, nn.LSTM):
            # A copy's weights lie apart in memory, and cuDNN, which wants them side by side, warns of it.
            module.flatten_parameters()
    for optimizer in optimizers:
        optimizer.train()
    with torch.no_grad():
        for parameter, value in zip(trained, training_values, strict=True):
            parameter.copy_(value)
    return averaged
