"""Encoders from features to a latent z with the time steps of the other inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from ddsp_core.dsp.nested import make_iterable
from ddsp_core.dsp.resampling import resample
from ddsp_core.dsp.spectra import compute_mfcc
from ddsp_core.errors import UsageError
from ddsp_core.nn.dict_layer import DictLayer
from ddsp_core.nn.keras import layers
from ddsp_core.nn.normalization import Normalize
from ddsp_core.nn.rnn import Rnn
from ddsp_core.nn.stacks import get_embedding

LO_HZ, HI_HZ = 20.0, 8000.0  # range of the cepstra
MEL_BINS, MFCC_BINS = 128, 30
# FFT size in samples, and overlap, that give about so many steps in 4 s at 16 kHz.
STEPS_OF_Z = {
    63: (2048, 0.5),
    125: (1024, 0.5),
    250: (1024, 0.75),
    500: (512, 0.75),
    1000: (256, 0.75),
}


class ZEncoder(DictLayer):
    """Base of encoders of a latent.

    Subclasses define `compute_z(*tensors) -> z`, [batch, time, dims] or [batch, dims].
    The layer also reads 'f0_scaled', from which it takes only the number of frames.

    Args:
        input_keys: Names of the inputs; by default the arguments of `compute_z`.
        **kwargs: Of the Keras layer.
    """

    def __init__(self, input_keys: Sequence[str] | None = None, **kwargs: Any) -> None:
        input_keys = input_keys or self.get_argument_names("compute_z")
        super().__init__(input_keys, output_keys=["z"], **kwargs)
        self.input_keys.append("f0_scaled")

    def call(self, *args: Any, **unused_kwargs: Any) -> tf.Tensor:
        """Encode.

        Args:
            *args: What `compute_z` takes; last a tensor [batch, n_frames, ...].
            **unused_kwargs: Keras's `training`.

        Returns:
            z, [batch, n_frames, dims]; the layer itself returns {'z': z}.
        """
        *inputs, frames = args
        return self.expand_z(self.compute_z(*inputs), int(frames.shape[1]))

    def expand_z(self, z: tf.Tensor, time_steps: int) -> tf.Tensor:
        """Resample z [batch, time, dims] or [batch, dims] to `time_steps`."""
        z = z[:, tf.newaxis, :] if len(z.shape) == 2 else z
        return z if z.shape[1] == time_steps else resample(z, time_steps)

    def compute_z(self, *inputs: Any) -> tf.Tensor:
        """Return the latent, [batch, time, dims] or [batch, dims]."""
        raise NotImplementedError


class MfccTimeDistributedRnnEncoder(ZEncoder):
    """Mel cepstra, a recurrent layer, a dense layer: a latent that moves in time.

    Source: Engel et al. 2020, "DDSP", arXiv:2001.04643, appendix B.1.

    Args:
        rnn_channels: Units of the recurrent layer.
        rnn_type: 'gru' or 'lstm'.
        z_dims: Channels of z.
        z_time_steps: Steps in 4 s at 16 kHz: 63, 125, 250, 500 or 1000.
        **kwargs: Of the Keras layer.

    Raises:
        UsageError: There is no such number of steps.
    """

    def __init__(
        self,
        rnn_channels: int = 512,
        rnn_type: str = "gru",
        z_dims: int = 32,
        z_time_steps: int = 250,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if z_time_steps not in STEPS_OF_Z:
            raise UsageError(
                f"z_time_steps is {z_time_steps}; it must be one of {list(STEPS_OF_Z)}"
            )
        self.fft_size, self.overlap = STEPS_OF_Z[z_time_steps]
        self.z_norm = Normalize("instance")
        self.rnn = Rnn(rnn_channels, rnn_type)
        self.dense_out = layers.Dense(z_dims)

    def compute_z(self, audio: tf.Tensor) -> tf.Tensor:
        """Return z [batch, time, z_dims] of audio [batch, n_samples] at 16 kHz."""
        mfccs = _mfccs(audio, fft_size=self.fft_size, overlap=self.overlap)
        return self.dense_out(self.rnn(self.z_norm(mfccs)))


class MfccEncoder(ZEncoder):
    """Mel cepstra themselves, at several resolutions, normalised.

    Differs from Magenta's, which always raises for a misspelt attribute.

    Args:
        fft_sizes: In samples, of each resolution.
        mel_bins: Of each.
        mfcc_bins: Of each.
        time_steps: Of the result, before it is resampled to the other inputs.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        fft_sizes: Sequence[int] = (1024,),
        mel_bins: Sequence[int] = (128,),
        mfcc_bins: Sequence[int] = (30,),
        time_steps: int = 250,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_sizes = make_iterable(fft_sizes)
        self.mel_bins = make_iterable(mel_bins)
        self.mfcc_bins = make_iterable(mfcc_bins)
        self.time_steps = time_steps
        self.norm_out = Normalize("instance")

    def compute_z(self, audio: tf.Tensor) -> tf.Tensor:
        """Return z [batch, time_steps, sum of mfcc_bins] of audio at 16 kHz."""
        sizes = zip(self.fft_sizes, self.mel_bins, self.mfcc_bins, strict=False)
        mfccs = [
            resample(
                _mfccs(audio, fft_size=fft_size, mel_bins=mels, mfcc_bins=bins),
                self.time_steps,
            )
            for fft_size, mels, bins in sizes
        ]
        return self.norm_out(tf.concat(mfccs, axis=-1))


class MfccRnnEncoder(ZEncoder):
    """Mel cepstra and a recurrent layer, for one latent of the whole example.

    As in the reference, what is one in time is only the mean: without
    `mean_aggregate` z has an axis too many, [batch, n_frames, steps, z_dims], which
    decoders do not read.

    Args:
        rnn_channels: Units of the recurrent layer.
        rnn_type: 'gru' or 'lstm'.
        z_dims: Channels of z.
        mean_aggregate: Take the mean over time.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        rnn_channels: int = 512,
        rnn_type: str = "gru",
        z_dims: int = 512,
        mean_aggregate: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mean_aggregate = mean_aggregate
        self.norm_in = Normalize("instance")
        self.rnn = Rnn(rnn_channels, rnn_type)
        self.dense_z = layers.Dense(z_dims)

    def compute_z(self, audio: tf.Tensor) -> tf.Tensor:
        """Return z of audio [batch, n_samples] at 16 kHz, as the class says."""
        z = self.rnn(self.norm_in(_mfccs(audio)))
        if self.mean_aggregate:
            return self.dense_z(tf.reduce_mean(z, axis=1, keepdims=True))
        return self.dense_z(z[:, tf.newaxis, :])


class OneHotEncoder(ZEncoder):
    """A learned vector for each number, such as that of an instrument.

    Args:
        one_hot_key: Name of the input: whole numbers, [batch, 1].
        vocab_size: Numbers are below this.
        n_dims: Channels of z.
        skip_expand: Return one time step and leave the rest to broadcasting.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        one_hot_key: str = "instrument",
        vocab_size: int = 1024,
        n_dims: int = 256,
        skip_expand: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_keys=[one_hot_key], **kwargs)
        self.one_hot_key = one_hot_key
        self.vocab_size = vocab_size
        self.n_dims = n_dims
        self.skip_expand = skip_expand
        self.embedding = get_embedding(vocab_size=vocab_size, n_dims=n_dims)

    def compute_z(self, one_hot: tf.Tensor) -> tf.Tensor:
        """Return z [batch, 1, n_dims] of numbers [batch, 1]."""
        return self.embedding(one_hot)

    def expand_z(self, z: tf.Tensor, time_steps: int) -> tf.Tensor:
        """Return z as it is if `skip_expand`, else as the base class does."""
        return z if self.skip_expand else super().expand_z(z, time_steps)


class AggregateFeaturesEncoder(ZEncoder):
    """The mean over time of a dense layer on f0 and loudness.

    Args:
        ch: Channels of z.
        **kwargs: Of the Keras layer.
    """

    def __init__(self, ch: int = 512, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fc = layers.Dense(ch)

    def compute_z(self, f0_scaled: tf.Tensor, ld_scaled: tf.Tensor) -> tf.Tensor:
        """Return z [batch, 1, ch] of features [batch, n_frames, 1] each."""
        z = self.fc(tf.concat([f0_scaled, ld_scaled], axis=-1))
        return tf.reduce_mean(z, axis=1, keepdims=True)


class ExpressionEncoder(ZEncoder):
    """A network on pitch, loudness and, if 'audio' is an input, mel cepstra.

    Differs from Magenta's, which always raises for 'audio'.

    Args:
        net: Layer from [batch, n_frames, channels] to the same.
        z_dims: Channels of z.
        input_keys: Names of the inputs.
        mfcc_bins: Of the cepstra.
        fft_size: In samples.
        mel_bins: Of the spectrum that the cepstra are of.
        pool_time: Take the mean over time.
        **kwargs: Of the Keras layer.
    """

    def __init__(
        self,
        net: Any = None,
        z_dims: int = 128,
        input_keys: Sequence[str] = ("f0_scaled", "ld_scaled"),
        mfcc_bins: int = 60,
        fft_size: int = 1024,
        mel_bins: int = 128,
        pool_time: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_keys, **kwargs)
        self.compute_mfccs = "audio" in self.input_keys
        self.mfcc_bins = mfcc_bins
        self.fft_size = fft_size
        self.mel_bins = mel_bins
        self.pool_time = pool_time
        self.net = net
        self.norm = Normalize("layer")
        self.dense_out = layers.Dense(z_dims)
        if self.compute_mfccs:
            self.norm_mfcc = Normalize("instance")

    def compute_z(self, *inputs: tf.Tensor) -> tf.Tensor:
        """Return z [batch, n_frames or (pooled) 1, z_dims].

        Args:
            *inputs: [batch, n_frames, channels] each; audio [batch, n_samples].
        """
        tensors = list(inputs)
        if self.compute_mfccs:
            audio = tensors.pop(self.input_keys.index("audio"))
            mfccs = self.norm_mfcc(
                _mfccs(
                    audio,
                    fft_size=self.fft_size,
                    mel_bins=self.mel_bins,
                    mfcc_bins=self.mfcc_bins,
                )
            )
            tensors.append(resample(mfccs, tensors[0].shape[1]) if tensors else mfccs)
        z = self.net(tf.concat(tensors, axis=-1))
        z = self.dense_out(self.norm(z))
        return tf.reduce_mean(z, axis=1, keepdims=True) if self.pool_time else z


def _mfccs(
    audio: tf.Tensor,
    fft_size: int = 1024,
    overlap: float = 0.75,
    mel_bins: int = MEL_BINS,
    mfcc_bins: int = MFCC_BINS,
) -> tf.Tensor:
    """Return mel cepstra [batch, time, mfcc_bins] in the encoders' range."""
    return compute_mfcc(
        audio,
        lo_hz=LO_HZ,
        hi_hz=HI_HZ,
        fft_size=fft_size,
        mel_bins=mel_bins,
        mfcc_bins=mfcc_bins,
        overlap=overlap,
        pad_end=True,
    )
