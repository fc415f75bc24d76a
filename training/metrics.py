"""How near a reconstruction is, measured on its sound alone.

Pitch and loudness are those of the output *audio*, extracted as the dataset's were; the
conditioning that the model was given never counts as its output. (Magenta's evaluator
compares the conditioning with itself.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import tensorflow as tf

from ddsp_core.audio.resample import resample
from ddsp_core.errors import FeatureError
from ddsp_core.features.extract import FeatureExtractor, Features, sounding
from ddsp_core.features.options import PitchOptions
from ddsp_core.losses import spectral_loss
from ddsp_core.spec import FEATURE_RATE, ExampleSpec

# Half of CREPE's window: nearer to an example's ends the output is cut off where the
# recording, whose features were computed with what lies around, went on.
EDGE_SECS: Final = 0.032
WRONG_CENTS: Final = 50.0  # half a semitone: beyond it, another note


@dataclasses.dataclass(frozen=True)
class FrameErrors:
    """What one example's frames show; the examples of a dataset are joined.

    Args:
        cents: Pitch of output minus target in frames where both sound, in cents.
        n_untracked: Frames where the target sounds and the output does not.
        loudness_db: Loudness of output minus target in frames where the target sounds.
        loudness_all_db: The same in all frames.
    """

    cents: np.ndarray
    n_untracked: int
    loudness_db: np.ndarray
    loudness_all_db: np.ndarray

    @classmethod
    def joined(cls, parts: list[FrameErrors]) -> FrameErrors:
        """Return the frames of all parts as one."""
        none = np.zeros(0)
        return cls(
            np.concatenate([none, *(p.cents for p in parts)]),
            sum(p.n_untracked for p in parts),
            np.concatenate([none, *(p.loudness_db for p in parts)]),
            np.concatenate([none, *(p.loudness_all_db for p in parts)]),
        )


def frame_errors(target: Features, output: Features, frame_rate: int) -> FrameErrors:
    """Compare features frame by frame, the ends of the example apart.

    Args:
        target: Of the recording, as stored; [n_frames] each.
        output: Of the reconstruction's audio, as long.
        frame_rate: In frames per second.
    """
    edge = round(EDGE_SECS * frame_rate)
    inside = slice(edge, len(target.f0_hz) - edge)
    wanted, heard = sounding(target)[inside], sounding(output)[inside]
    both = wanted & heard & (output.f0_hz[inside] > 0) & (target.f0_hz[inside] > 0)
    ratio = output.f0_hz[inside][both] / target.f0_hz[inside][both]
    loudness = (output.loudness_db - target.loudness_db)[inside]
    return FrameErrors(
        cents=1200 * np.log2(ratio.astype(np.float64)),
        n_untracked=int(np.sum(wanted & ~both)),
        loudness_db=loudness[wanted].astype(np.float64),
        loudness_all_db=loudness.astype(np.float64),
    )


def summary(errors: FrameErrors) -> dict[str, float | None]:
    """Return the numbers of an evaluation; None where no frame bears one.

    `f0_share_beyond_50_cents` is of all frames in which the target sounds: a frame in
    which the output cannot be tracked is no better than a wrong note, so silence scores
    1. The medians are over the frames that can be tracked.
    """
    n_wanted = len(errors.cents) + errors.n_untracked
    n_wrong = int(np.sum(np.abs(errors.cents) > WRONG_CENTS)) + errors.n_untracked
    return {
        "f0_median_abs_cents": _reduced(np.median, np.abs(errors.cents)),
        "f0_median_cents": _reduced(np.median, errors.cents),
        "f0_share_beyond_50_cents": n_wrong / n_wanted if n_wanted else None,
        "f0_share_untracked": errors.n_untracked / n_wanted if n_wanted else None,
        "loudness_l1_db": _reduced(np.mean, np.abs(errors.loudness_db)),
        "loudness_bias_db": _reduced(np.mean, errors.loudness_db),
        "loudness_l1_all_frames_db": _reduced(np.mean, np.abs(errors.loudness_all_db)),
    }


def multi_scale_loss(target: np.ndarray, output: np.ndarray) -> float:
    """Return the spectral loss of Engel et al. 2020, whatever the model's own loss is.

    L1 of magnitudes and of their logarithms, FFT sizes 2048 down to 64.

    Args:
        target: Audio, [batch, n_samples].
        output: Audio of the same shape.
    """
    loss = spectral_loss(
        tf.constant(target), tf.constant(output), mag_weight=1.0, logmag_weight=1.0
    )
    return float(loss)


def output_features(
    audio: np.ndarray, spec: ExampleSpec, extractor: FeatureExtractor
) -> Features:
    """Extract the features of one reconstruction.

    Args:
        audio: [n_samples] at the spec's rate.
        spec: Of the dataset.
        extractor: Of the dataset's versions (`extractor_for`).
    """
    audio_16k = resample(audio, spec.sample_rate, FEATURE_RATE)
    features = extractor.extract(audio_16k, spec.padding)
    return Features(
        features.f0_hz[: spec.n_frames],
        features.f0_confidence[: spec.n_frames],
        features.loudness_db[: spec.n_frames],
    )


def extractor_for(spec: ExampleSpec) -> FeatureExtractor:
    """Return the extractor that made a dataset's features.

    Raises:
        FeatureError: This program computes other versions of them.
    """
    pitch = PitchOptions.hearing(spec.f0)
    extractor = FeatureExtractor(spec.frame_rate, pitch)
    f0 = pitch.version(spec.frame_rate)
    wanted = {"f0": f0, "loudness": str(spec.loudness)}
    if extractor.versions != wanted:
        raise FeatureError(
            f"the dataset's features are of versions {wanted}, but this program"
            f" computes {extractor.versions}: their difference is no error of the"
            " model; prepare the dataset again"
        )
    return extractor


def _reduced(function: Callable[[np.ndarray], Any], values: np.ndarray) -> float | None:
    return float(function(values)) if len(values) else None
