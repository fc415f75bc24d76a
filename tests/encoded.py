"""Copies of audio made by FFmpeg's encoders, and how well they line up."""

import fractions

import av
import numpy as np


def encode(path, audio, rate, codec, container=None):
    """Write mono audio with one of FFmpeg's encoders."""
    with av.open(str(path), "w", format=container) as output:
        track = output.add_stream(codec, rate=rate)
        track.codec_context.layout = "mono"
        track.codec_context.open()
        frame = av.AudioFrame.from_ndarray(audio[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        frame.time_base = fractions.Fraction(1, rate)
        cutter = av.AudioResampler(
            track.codec_context.format,
            "mono",
            rate,
            frame_size=track.codec_context.frame_size or None,
        )
        for piece in [*cutter.resample(frame), *(cutter.resample(None) or []), None]:
            for packet in track.encode(piece):
                output.mux(packet)


def lag_secs(later, earlier, rate):
    """How much later the one sounds than the other, by cross-correlation."""
    n = 1 << (len(later) + len(earlier)).bit_length()
    product = np.fft.rfft(later, n) * np.conj(np.fft.rfft(earlier, n))
    lag = int(np.argmax(np.fft.irfft(product)))
    return (lag - n if lag > n // 2 else lag) / rate
