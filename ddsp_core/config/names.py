"""Every name that a config of Magenta 3.7 may use, with its parameters.

A name may be known without being implemented here: then it may be bound, so that
Magenta's files parse as they are, and only building it is an error.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from ddsp_core.config.resolve import did_you_mean, nearest, resolve
from ddsp_core.errors import ConfigError, UnknownNameError

# What Keras layers and models take beside their own parameters.
LAYER_PARAMETERS = ("name", "trainable", "dtype")

# Parameters of ours that Magenta's library does not have. An operative config writes
# them for `luthier.losses.SpectralLoss`: a name that Magenta skips as unknown, where
# an unknown parameter would be an error.
OWN_PARAMETERS = {
    "ddsp.losses.SpectralLoss": ("logmag_floor",),
    "ddsp.training.models.MidiAutoencoder": ("n_samples", "sample_rate"),
    "ddsp.training.models.ZMidiAutoencoder": ("n_samples", "sample_rate"),
}
OWN_PREFIX = "luthier."

# Module, then its names with their parameters. `*layer` stands for LAYER_PARAMETERS,
# `*modules` for any parameter at all (each is a module of the group).
_TABLE = """
ddsp.core
  angular_cumsum angular_frequency chunk_size
  exp_sigmoid x exponent max_value threshold
  frequencies_critical_bands freqs depth depth_scale bandwidth_scale hz_min
      hz_max scale
  frequencies_sigmoid freqs depth hz_min hz_max
  frequencies_softmax freqs depth hz_min hz_max
  harmonic_oscillator_bank frequency amplitude_envelopes initial_phase
      sample_rate use_angular_cumsum
  oscillator_bank frequency_envelopes amplitude_envelopes sample_rate
      sum_sinusoids use_angular_cumsum
  sym_exp_sigmoid x width
ddsp.dags
  DAGLayer dag *modules
  run_dag verbose
ddsp.effects
  ExpDecayReverb trainable reverb_length scale_fn add_dry name
  FIRFilter window_size scale_fn name
  FilteredNoiseReverb trainable reverb_length window_size n_frames
      n_filter_banks scale_fn initial_bias add_dry name
  Reverb trainable reverb_length add_dry name
ddsp.losses
  EmbeddingLoss weight loss_type pretrained_model name
  FilteredNoiseConsistencyLoss weight *layer
  HarmonicConsistencyLoss amp_weight dist_weight f0_weight amp_threshold *layer
  HmmTranscriber avg_length midi_std amps_on_center amps_on_scale
      amps_off_center amps_off_scale n_timesteps n_pitches weight *layer
  KDEConsistencyLoss weight_a weight_b weight_mean_amp scale_a scale_b *layer
  LossGroup dag *modules
  ParamLoss weight loss_type *layer
  PretrainedCREPEEmbeddingLoss weight loss_type model_capacity activation_layer
      name
  SpectralLoss fft_sizes loss_type mag_weight delta_time_weight
      delta_freq_weight cumsum_freq_weight logmag_weight loudness_weight name
      logmag_floor
  TWMLoss sinusoids_weight harmonics_weight sinusoids_scale harmonics_scale
      n_harmonic_points n_harmonic_gaussians softmin_temperature sample_rate
      *layer
  WassersteinConsistencyLoss weight midi *layer
ddsp.processors
  Add name
  Crop frame_size crop_location name
  Mix name
  ProcessorGroup dag *modules
ddsp.spectral_ops
  compute_f0 audio frame_rate viterbi padding
  compute_logmag audio size overlap pad_end
  compute_logmel audio lo_hz hi_hz bins fft_size overlap pad_end sample_rate
  compute_loudness audio sample_rate frame_rate n_fft range_db ref_db use_tf
      padding
  compute_mag audio size overlap pad_end
  compute_mel audio lo_hz hi_hz bins fft_size overlap pad_end sample_rate
  compute_mfcc audio lo_hz hi_hz fft_size mel_bins mfcc_bins overlap pad_end
      sample_rate
ddsp.synths
  FilteredNoise n_samples window_size scale_fn initial_bias name
  Harmonic n_samples sample_rate scale_fn normalize_below_nyquist
      amp_resample_method use_angular_cumsum name
  Sinusoidal n_samples sample_rate amp_scale_fn amp_resample_method
      freq_scale_fn name
  TensorToAudio name
  Wavetable n_samples sample_rate scale_fn name
ddsp.training.data
  BaseMultiProvider data_providers batch_size_ratios
  ExperimentalDataProvider data_dir sample_rate frame_rate
  LegacyTFRecordProvider file_pattern example_secs sample_rate frame_rate
      centered
  MixedProvider data_providers batch_size_ratios
  NSynthTfds name split data_dir sample_rate frame_rate include_note_labels
  SyntheticNotes n_timesteps n_harmonics n_mags file_pattern sample_rate
  TFRecordProvider file_pattern example_secs sample_rate frame_rate centered
  Urmp base_dir instrument_key split suffix
  UrmpMidi base_dir instrument_key split suffix
  ZippedProvider data_providers batch_size_ratios
ddsp.training.decoders
  DilatedConvDecoder ch kernel_size layers_per_stack stacks dilation norm_type
      resample_stride stacks_per_resample resample_after_convolve input_keys
      output_splits conditioning_keys precondition_stack spectral_norm
      ortho_init *layer
  MidiDecoder net f0_residual center_loudness norm *layer
  MidiToHarmonicDecoder net f0_residual norm output_splits midi_zero_silence
      *layer
  RnnFcDecoder rnn_channels rnn_type ch layers_per_stack stateless input_keys
      output_splits *layer
ddsp.training.encoders
  AggregateFeaturesEncoder ch *layer
  ExpressionEncoder net z_dims input_keys mfcc_bins fft_size mel_bins pool_time
      *layer
  HarmonicToMidiEncoder net f0_residual *layer
  MfccEncoder fft_sizes mel_bins mfcc_bins time_steps *layer
  MfccRnnEncoder rnn_channels rnn_type z_dims mean_aggregate *layer
  MfccTimeDistributedRnnEncoder rnn_channels rnn_type z_dims z_time_steps *layer
  MidiEncoder net f0_residual *layer
  OneHotEncoder one_hot_key vocab_size n_dims skip_expand *layer
  ResnetSinusoidalEncoder output_splits spectral_fn size *layer
  SinusoidalToHarmonicEncoder net n_harmonics f0_depth amp_scale_fn
      freq_scale_fn sample_rate *layer
ddsp.training.eval_util
  evaluate data_provider model evaluator_classes save_dir restore_dir batch_size
      num_batches repeats ckpt_delay_secs run_once run_until_step
      evaluate_and_sample
  sample data_provider model evaluator_classes save_dir restore_dir batch_size
      num_batches ckpt_delay_secs run_once run_until_step evaluate_and_sample
ddsp.training.evaluators
  BasicEvaluator sample_rate frame_rate
  F0LdEvaluator sample_rate frame_rate run_f0_crepe
  MidiAutoencoderEvaluator sample_rate frame_rate db_key f0_key
  MidiHeuristicEvaluator sample_rate frame_rate
  TWMEvaluator sample_rate frame_rate processor_name noisy
ddsp.training.heuristics
  amp_pooled_outliers controls frame_width num_devs pad_mode
  mean_f0 controls start stop
  median_amps controls start stop
  median_f0 controls start stop
  midi_heuristic controls
  midi_heuristic_power controls
  power_pooled_outliers controls frame_width num_devs pad_mode
  segment_notes_batch binarize_f pick_f0_f pick_amps_f controls_batch frame_rate
  strided_freq_change controls frame_widths pad_mode
ddsp.training.inference
  AutoencoderInference ckpt length_seconds remove_reverb verbose *layer
  VSTSynthesize ckpt new_hop_size *layer
  VSTSynthesizeHarmonic ckpt new_hop_size *layer
  VSTSynthesizeNoise ckpt new_hop_size *layer
ddsp.training.models
  Autoencoder preprocessor encoder decoder processor_group losses *layer
  InverseSynthesis sinusoidal_encoder harmonic_encoder losses
      sinusoidal_consistency_losses harmonic_consistency_losses
      filtered_noise_consistency_loss twm_loss harmonic_distribution_prior
      freq_scale_fn reverb n_samples sample_rate stop_gradient *layer
  MidiAutoencoder synthcoder midi_encoder midi_decoder sg_before_midiae reverb
      preprocessor reconstruction_losses qpitch_f0rec_loss pitch_f0rec_loss
      pitch_qpitch_loss midi_slowness_loss mask_f0_loss n_samples sample_rate
      *layer
  ZMidiAutoencoder synthcoder midi_encoder midi_decoder sg_before_midiae reverb
      preprocessor reconstruction_losses qpitch_f0rec_loss pitch_f0rec_loss
      pitch_qpitch_loss midi_slowness_loss mask_f0_loss z_synth_encoders
      z_global_encoders z_note_encoder z_preconditioning_stack z_global_prior
      z_note_prior n_samples sample_rate *layer
  get_model model
ddsp.training.nn
  ConditionalNorm norm_type shift_only *layer
  Dense units activation use_bias *layer
  DilatedConvStack ch layers_per_stack stacks kernel_size dilation norm_type
      resample_type resample_stride stacks_per_resample resample_after_convolve
      spectral_norm ortho_init shift_only conditional *layer
  Fc ch nonlinearity *layer
  FcStack ch layers nonlinearity *layer
  FcStackOut ch layers n_out *layer
  Identity *layer
  NormReluConv ch k s norm_type *layer
  Normalize norm_type
  PolyphaseResample stride resample_type trim_or_pad *layer
  ResNet size norm_type conditional shift_only *layer
  ResidualLayer ch stride shortcut norm_type conditional shift_only *layer
  ResidualStack filters block_sizes strides norm_type conditional shift_only
      nonlinearity *layer
  Rnn dims rnn_type return_sequences bidir *layer
  RnnFc rnn_feat out_feat rnn_type nonlinearity bidir n_rnn *layer
  RnnSandwich fc_stack_ch fc_stack_layers rnn_ch rnn_type *layer
  SingleGru gru_dim *layer
  StatelessRnn dims rnn_type *layer
  VectorQuantization k gamma restart_threshold num_heads commitment_loss_weight
      *layer
  split_to_dict tensor tensor_splits
ddsp.training.preprocessing
  F0LoudnessPreprocessor time_steps frame_rate sample_rate compute_loudness
      *layer
  F0PowerPreprocessor time_steps frame_rate sample_rate frame_size *layer
  OnlineF0PowerPreprocessor frame_rate frame_size padding compute_power
      compute_f0 crepe_saved_model_path viterbi *layer
ddsp.training.train_util
  train data_provider trainer batch_size num_steps steps_per_summary
      steps_per_save save_dir restore_dir early_stop_loss_value
      report_loss_to_hypertune
ddsp.training.trainers
  Trainer model strategy checkpoints_to_keep learning_rate lr_decay_steps
      lr_decay_rate grad_clip_norm restore_keys
  get_trainer_class trainer_class
"""


@functools.cache
def parameters() -> dict[str, tuple[str, ...]]:
    """Return the parameters of every name, by its full name."""
    module, table = "", {}
    for line in _TABLE.replace("\n      ", " ").strip().splitlines():
        if not line.startswith(" "):
            module = line
            continue
        name, *names = line.split()
        own = [n for n in names if n != "*layer"]
        table[f"{module}.{name}"] = (
            *own,
            *(LAYER_PARAMETERS if "*layer" in names else ()),
        )
    return table


def full_name(selector: str) -> str:
    """Return the one full name that `selector` is the end of.

    Raises:
        ConfigError: None or several are; the message suggests the nearest.

    >>> full_name("synths.Harmonic")
    'ddsp.synths.Harmonic'
    """
    selector = selector.removeprefix(OWN_PREFIX)
    found = [n for n in parameters() if f".{n}".endswith(f".{selector}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(f"{selector!r} can be any of {', '.join(found)}; say which")
    last = selector.rpartition(".")[2]
    near = [n for n in parameters() if n.endswith(f".{last}")]
    near = near or nearest(last, (n.rpartition(".")[2] for n in parameters()))
    raise ConfigError(f"nothing is called {selector!r}{did_you_mean(near)}")


def check_parameter(name: str, parameter: str) -> None:
    """Raise `ConfigError`, with a suggestion, unless `name` takes `parameter`."""
    known = parameters()[name]
    if parameter not in known and "*modules" not in known:
        near = nearest(parameter, known)
        raise ConfigError(
            f"{short_name(name)} has no parameter {parameter!r}"
            f"{did_you_mean(near) or ', it has ' + ', '.join(known)}"
        )


def implementation(name: str) -> Callable[..., Any]:
    """Return our class or function of that full name.

    Raises:
        ConfigError: It is known but not implemented in this version.
    """
    try:
        found = resolve(name)
    except UnknownNameError as error:
        raise ConfigError(
            f"{short_name(name)} is a name of Magenta's library that this version does"
            " not implement; choose another config"
        ) from error
    return cast("Callable[..., Any]", found)


def short_name(name: str) -> str:
    """Return the last two parts of a full name, as references are written.

    >>> short_name("ddsp.training.decoders.RnnFcDecoder")
    'decoders.RnnFcDecoder'
    """
    return ".".join(name.split(".")[-2:])
