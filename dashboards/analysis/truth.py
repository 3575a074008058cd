"""What the metrics of single curves, such as total variation, are for the true curves."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from core.metrics.base import CurveProperty
from core.metrics.catalog import METRICS
from core.storage.curves import curve_array


def truth_values(curves: pa.Table) -> dict[str, float]:
    """Means over clips by full name of each metric of single curves, for the true curves of a trial.

    Args:
        curves: Curves of a trial (`core.storage.curves.SCHEMA`).

    Returns:
        Values by name with modulation, and by name without it as a mean over modulations; none without true curves.
    """
    values: dict[str, float] = {}
    known = curves.filter(pc.is_valid(curves["target"]))
    if not known.num_rows:
        return values
    frame_rate = known["frame_rate"][0].as_py()
    targets = {}
    for name in pc.unique(known["modulation"]).to_pylist():
        target = curve_array(known.filter(pc.equal(known["modulation"], name))["target"])
        assert target is not None
        targets[name] = torch.tensor(target)
    for metric in METRICS:
        if not isinstance(metric.compute, CurveProperty):
            continue
        means = {
            name: float(metric.compute.function(target[:, None], frame_rate).nanmean())
            for name, target in targets.items()
        }
        defined = {name: mean for name, mean in means.items() if mean == mean}
        values |= {f"{metric.name}.{name}": mean for name, mean in defined.items()}
        if defined:
            values[metric.name] = float(np.mean(list(defined.values())))
    return values
