"""Study files as text, and the study in such a text."""

import tomllib

from search_spaces.study_file import StudyFile
from search_spaces.study_parsing import parse_study

ARMS = 'question = "why?"\n[[arms]]\nname = "a"\nconfig = { encoder = { width = 8 } }\n'
SEARCH = """
[search]
arms_per_cell = 20
round_size = 4
sampler = { kind = "random", seed = 3 }
[[search.space]]
path = "optimizer.lr"
low = 1e-4
high = 1e-1
log = true
[[search.space]]
path = "encoder.width"
low = 4
high = 16
"""
EVERYTHING = """
question = "Does everything come back?"
audience = "sound design"
preset = "paper"
seeds = [3, 1]
[[objectives]]
metric = "curves.pcc.lls3"
direction = "maximize"
[[objectives]]
metric = "cost.train_s"
direction = "minimize"
[audio_by_folder]
max_sample_rate = 32_000
[config]
trainer.max_steps = 300
audio = { duration_s = 1.0 }
loss.resolutions = [{ n_fft = 512, hop_length = 120, win_length = 300 }]
[[arms]]
name = "lpf-8"
config = { parameterization = { kind = "low_pass", cutoff_hz = 8.0 } }
[[arms]]
name = "lpf-4"
like = "lpf-8"
config = { parameterization.cutoff_hz = 4 }
[[space]]
path = "parameterization.kind"
values = ["frame", { label = "bezier", value = "spline" }]
[[space]]
path = "parameterization.n_segments"
values = [8, { label = "many", value = 16 }]
when = { "parameterization.kind" = ["bezier"] }
[[space]]
path = "synth"
values = [
    { label = "grey", settings = { kind = "mod_synth", oscillator = { kind = "learnable" } } },
    { label = "engel", settings = { kind = "engel" } },
]
[ablation]
path = "encoder"
baseline = {}
baseline_name = "usual"
arms = { narrow = { width = 8 }, "bf16" = { precision = "bf16" } }
"""


def parsed(text: str) -> StudyFile:
    return parse_study({"name": "mine", **tomllib.loads(text)})
