"""Magenta's `ddsp.training.heuristics`."""

from ddsp_core.notes.heuristics import (
    amp_pooled_outliers,
    midi_heuristic,
    midi_heuristic_power,
    pad_for_frame,
    power_pooled_outliers,
    remove_short,
    strided_freq_change,
    window_array,
)
from ddsp_core.notes.segmentation import (
    DDSP_DEFAULT_FRAME_RATE,
    mean_f0,
    median_amps,
    median_f0,
    segment_notes,
    segment_notes_batch,
)
from ddsp_core.notes.sequence import get_active_frame_indices

__all__ = [
    "DDSP_DEFAULT_FRAME_RATE",
    "amp_pooled_outliers",
    "get_active_frame_indices",
    "mean_f0",
    "median_amps",
    "median_f0",
    "midi_heuristic",
    "midi_heuristic_power",
    "pad_for_frame",
    "power_pooled_outliers",
    "remove_short",
    "segment_notes",
    "segment_notes_batch",
    "strided_freq_change",
    "window_array",
]
