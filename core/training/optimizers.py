"""Schedule-Free AdamW (Defazio et al. 2024, arXiv 2405.15682) over parameters that lie in one vector.

It trains one set of weights and evaluates another, averaged one. A trial only ever trains, and evaluates on a copy,
because switching back and forth is not exact to the bit.
"""

import copy
from collections.abc import Sequence

import torch
from schedulefree import AdamWScheduleFree
from torch import Tensor, nn
from torch.optim import Optimizer

from core.settings.optimizers import OptimizerConfig
from core.training.model import DiscoveryModel


class FlatAdamW(AdamWScheduleFree):  # type: ignore[misc]  # schedulefree has no types
    """On the CPU the parameters become parts of one vector: a step is a few operations, not a few for each of them."""

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

    # torch's decorator keeps its compiler out of this method by importing it, which takes a process two seconds.
    add_param_group = getattr(Optimizer.add_param_group, "__wrapped__", Optimizer.add_param_group)

    @property
    def trained(self) -> list[nn.Parameter]:
        """What it trains: the vector, or the parameters themselves."""
        parameters: list[nn.Parameter] = self.param_groups[0]["params"]
        return parameters

    def take(self, gradients: Sequence[Tensor]) -> None:
        """Gradients of the parameters for the next step."""
        # Copies, since one tensor may be the gradient of two parameters.
        if self.is_flat:
            gradients = [torch.cat([gradient.flatten() for gradient in gradients])]
        else:
            gradients = [gradient.clone() for gradient in gradients]
        for parameter, gradient in zip(self.trained, gradients, strict=True):
            parameter.grad = gradient


def build_optimizers(model: DiscoveryModel, config: OptimizerConfig) -> list[FlatAdamW]:
    """One for the synth's own sound, one for everything else; none where nothing can be trained. In training mode."""
    sound = model.synth.sound_parameters()
    own = {id(parameter) for parameter in sound}
    others = [parameter for parameter in model.parameters() if id(parameter) not in own and parameter.requires_grad]
    return [
        FlatAdamW(parameters, config, lr)
        for parameters, lr in ((others, config.lr), (sound, config.synth_lr))
        if parameters
    ]


def compute_gradients(loss: Tensor, optimizers: Sequence[FlatAdamW], gradient_clip: float) -> None:
    """Give all optimizers the gradients of a loss for their next step; the norm over all parameters is limited.

    They are asked for, not accumulated: with many small parameters that costs more than the gradients.
    """
    parameters = [parameter for optimizer in optimizers for parameter in optimizer.parameters]
    gradients = iter(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))
    for optimizer in optimizers:
        optimizer.take([next(gradients) for _ in optimizer.parameters])
    nn.utils.clip_grad_norm_([parameter for optimizer in optimizers for parameter in optimizer.trained], gradient_clip)


def flattened(parameters: Sequence[nn.Parameter]) -> nn.Parameter:
    """One vector whose parts the parameters become views of."""
    vector = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
    parts = torch.split(vector.detach(), [parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.data = part.view_as(parameter)
    return vector


def averaged_model(model: DiscoveryModel, optimizers: Sequence[FlatAdamW]) -> DiscoveryModel:
    """A copy of the model with the averaged weights that Schedule-Free evaluates."""
    trained = [parameter for optimizer in optimizers for parameter in optimizer.trained]
    before = [parameter.detach().clone() for parameter in trained]
    for optimizer in optimizers:
        optimizer.eval()
    averaged = copy.deepcopy(model)
    for optimizer in optimizers:
        optimizer.train()
    with torch.no_grad():
        for parameter, value in zip(trained, before, strict=True):
            parameter.copy_(value)
    return averaged
