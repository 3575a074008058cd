"""Names of the sounds in an attempt: target and estimate of some test clips as FLAC files."""

import re

AUDIO_PREFIX = "audio"
"""Prefix of the names of all sounds."""


def audio_name(clip_id: str, role: str) -> str:
    """The name `audio/CLIP.ROLE.flac`.

    Args:
        clip_id: Id of the clip.
        role: `target` or `estimate`.
    """
    return f"{AUDIO_PREFIX}/{file_safe(clip_id)}.{role}.flac"


def file_safe(clip_id: str) -> str:
    """The id of a clip, with characters other than letters, digits, `_`, `.` and `-` replaced by `_`."""
    return re.sub(r"[^\w.-]", "_", clip_id)
