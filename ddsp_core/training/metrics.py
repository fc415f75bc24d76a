"""Magenta's `ddsp.training.metrics`."""

from ddsp_core.metrics.audio import (
    BaseMetrics,
    F0CrepeMetrics,
    F0Metrics,
    LoudnessMetrics,
    compute_audio_features,
)
from ddsp_core.metrics.midi import (
    EvalCounts,
    MidiMetrics,
    compute_frame_metrics,
    compute_note_metrics,
    sequence2intervals,
)
from ddsp_core.metrics.pitch import (
    MIN_F0_CONFIDENCE,
    OUTLIER_MIDI_THRESH,
    f0_dist_conf_thresh,
    is_outlier,
    l1_distance,
    squeeze,
)

__all__ = [
    "MIN_F0_CONFIDENCE",
    "OUTLIER_MIDI_THRESH",
    "BaseMetrics",
    "EvalCounts",
    "F0CrepeMetrics",
    "F0Metrics",
    "LoudnessMetrics",
    "MidiMetrics",
    "compute_audio_features",
    "compute_frame_metrics",
    "compute_note_metrics",
    "f0_dist_conf_thresh",
    "is_outlier",
    "l1_distance",
    "sequence2intervals",
    "squeeze",
]
