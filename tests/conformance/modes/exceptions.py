"""The cells that cannot work, why, and what they raise: the only list of them."""

from __future__ import annotations

from typing import NamedTuple


class Listed(NamedTuple):
    """A cell that must raise.

    Args:
        error: Name of a class of what it raises.
        words: In its message.
        reason: Why it cannot work, and what to do instead.
    """

    error: str
    words: str
    reason: str


RECURRENT_IN_XLA = Listed(
    "UsageError",
    "the recurrent layer",
    "on a CPU, XLA makes the loop many times slower; compile what is around it",
)
FLOAT64_PHASE = Listed(
    "ConverterError",
    "f64",
    "phase is summed in float64 at every sample; TFLite has no float64. Use Harmonic",
)
COSINE_TRANSFORM = Listed(
    "ConverterError",
    "complex<f32>",
    "MFCCs slice complex spectra, which TFLite cannot; give it f0 and loudness",
)
BINARY_SEARCH = Listed(
    "ConverterError", "tf.UpperBound", "it searches sorted sets; a loss is not played"
)
CODES = Listed(
    "ConverterError", "tf.Split", "it splits int64, which TFLite cannot; save a model"
)
LATTICE = Listed(
    "ConverterError", "f64", "Viterbi's algorithm is in float64; use viterbi=False"
)
DYNAMIC_LISTS = Listed(
    "ConverterError",
    "TensorList",
    "a note's length is decided while it runs, and TFLite's lists have fixed shapes",
)

RECURRENT = (
    "Rnn gru",
    "Rnn lstm both ways",
    "StatelessRnn",
    "RnnFc",
    "RnnSandwich",
    "SingleGru",
    "RnnFcDecoder",
    "RnnFcDecoder stateless",
    "MidiDecoder",
    "MidiToHarmonicDecoder",
    "MfccTimeDistributedRnnEncoder",
    "MfccRnnEncoder",
    "SinusoidalToHarmonicEncoder",
    "MidiEncoder",
    "HarmonicToMidiEncoder",
    "ExpressionEncoder",
    "ExpressionEncoder with audio",
    "Autoencoder",
    "InverseSynthesis",
    "MidiAutoencoder",
    "ZMidiAutoencoder",
)

IN_TFLITE = {
    "Wavetable": FLOAT64_PHASE,
    "Sinusoidal": FLOAT64_PHASE,
    "InverseSynthesis": FLOAT64_PHASE,
    "WassersteinConsistencyLoss": BINARY_SEARCH,
    "VectorQuantization": CODES,
    "MfccEncoder": COSINE_TRANSFORM,
    "MfccRnnEncoder": COSINE_TRANSFORM,
    "MfccTimeDistributedRnnEncoder": COSINE_TRANSFORM,
    "ExpressionEncoder with audio": COSINE_TRANSFORM,
    "ZMidiAutoencoder": COSINE_TRANSFORM,
    "OnlineF0PowerPreprocessor by Viterbi": LATTICE,
    "MidiAutoencoder": DYNAMIC_LISTS,
}

EXCEPTIONS: dict[tuple[str, str], Listed] = {
    **{(name, "jit"): RECURRENT_IN_XLA for name in RECURRENT},
    **{(name, "TFLite"): listed for name, listed in IN_TFLITE.items()},
}
