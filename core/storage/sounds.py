"""Names of the sounds in an attempt: those of a few test clips, target and estimate, as FLAC."""

import re

AUDIO_PREFIX = "audio"


def audio_name(clip_id: str, role: str) -> str:
    """`audio/CLIP.ROLE.flac`.

    Args:
        role: `target` or `estimate`.
    """
    return f"{AUDIO_PREFIX}/{file_safe(clip_id)}.{role}.flac"


def file_safe(clip_id: str) -> str:
    """A clip's id as every file system and store takes it."""
    return re.sub(r"[^\w.-]", "_", clip_id)
