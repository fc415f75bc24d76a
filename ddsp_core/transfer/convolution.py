"""Convolution of an endless signal, chunk by chunk."""

from __future__ import annotations

import numpy as np
import scipy.fft


class StreamingConvolution:
    """Convolves chunk after chunk as if they were one signal.

    Args:
        impulse_response: [ir_size].
    """

    def __init__(self, impulse_response: np.ndarray) -> None:
        self._ir = np.asarray(impulse_response, np.float64)
        self._tail = np.zeros(len(self._ir) - 1)  # what earlier chunks still sound
        self._spectra: dict[int, np.ndarray] = {}  # of the response, by transform size

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        """Return the next chunk, delayed by nothing.

        Args:
            audio: [n_samples]; chunks may differ in length.

        Returns:
            [n_samples] float32.
        """
        n_samples = len(audio)
        n_full = n_samples + len(self._ir) - 1
        n_fft = scipy.fft.next_fast_len(n_full, real=True)
        if n_fft not in self._spectra:
            self._spectra = {n_fft: scipy.fft.rfft(self._ir, n_fft)}
        spectrum = scipy.fft.rfft(np.asarray(audio, np.float64), n_fft)
        full = scipy.fft.irfft(spectrum * self._spectra[n_fft], n_fft)[:n_full]
        full[: len(self._tail)] += self._tail
        self._tail = full[n_samples:].copy()
        return full[:n_samples].astype(np.float32)
