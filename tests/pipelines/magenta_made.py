"""Shards as Magenta's preparation writes them, made with TensorFlow's own writers."""

import numpy as np
import tensorflow as tf

from ddsp_core.dsp.loudness import compute_loudness

SECS, HOP_SECS, FRAME_RATE = 2, 0.5, 50


def chunk(audio_16k, sample_rate=16_000, center=False):
    """Windows of one chunk of audio; the features are of the whole, as Magenta's."""
    import soxr

    audio = audio_16k
    if sample_rate != 16_000:
        audio = soxr.resample(audio_16k, 16_000, sample_rate).astype(np.float32)
    padding = "center" if center else "same"
    loudness_db = compute_loudness(
        audio_16k, frame_rate=FRAME_RATE, padding=padding, use_tf=False
    )
    n_frames = len(loudness_db)
    features = {
        "f0_hz": np.linspace(200, 400, n_frames),
        "f0_confidence": np.full(n_frames, 0.9),
        "loudness_db": loudness_db,
    }
    n_windows = int((len(audio_16k) / 16_000 - SECS) / HOP_SECS) + 1
    for k in range(n_windows):
        start = k * HOP_SECS
        first, n = int(start * FRAME_RATE), SECS * FRAME_RATE + center
        yield {
            "audio": _cut(audio, start, sample_rate),
            "audio_16k": _cut(audio_16k, start, 16_000),
        } | {name: value[first : first + n] for name, value in features.items()}


def serialized(example):
    """A tf.train.Example of float lists."""
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(
                    float_list=tf.train.FloatList(value=np.asarray(value, np.float32))
                )
                for name, value in example.items()
            }
        )
    ).SerializeToString()


def write_shard(path, examples):
    """Write examples, or bytes as they are, as one shard."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for one in examples:
            writer.write(one if isinstance(one, bytes) else serialized(one))
    return path


def _cut(audio, start, rate):
    first = round(start * rate)
    return audio[first : first + SECS * rate]
