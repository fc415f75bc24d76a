"""Run by Magenta's own code (`ddsp` 3.7.0), in an environment of its own.

    python magenta_plays.py MODEL_DIR FEATURES.npz OUT_DIR

Builds the model from MODEL_DIR's operative gin and restores its checkpoint, as
`ddsp_run` and the inference code do; writes what it plays to `OUT_DIR/plays.npz`. Then
trains one step with the legacy Adam that it restored, saves as its trainer does, and
writes what that plays to `OUT_DIR/trained.npz`.
"""

import os
import sys

import ddsp.training
import gin
import numpy as np
import tensorflow as tf


def main(model_dir, features_file, out_dir):
    batch = dict(np.load(features_file))
    noise = tf.constant(batch.pop("noise"))
    replace_noise(noise)
    batch = {name: tf.constant(value) for name, value in batch.items()}
    path = ddsp.training.train_util.get_latest_operative_config(model_dir)
    with gin.unlock_config():
        gin.parse_config_file(path, skip_unknown=True)
    model = ddsp.training.models.get_model()
    model(dict(batch), training=False)
    model.restore(model_dir)

    optimizer = tf.keras.optimizers.legacy.Adam(
        tf.keras.optimizers.schedules.ExponentialDecay(1e-3, 10000, 0.98)
    )
    optimizer._create_all_weights(model.trainable_variables)
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer)
    prefix = ddsp.training.train_util.get_latest_checkpoint(model_dir)
    status = checkpoint.restore(prefix)
    status.assert_existing_objects_matched()
    status.assert_consumed()
    write(model, batch, os.path.join(out_dir, "plays.npz"))

    with tf.GradientTape() as tape:
        _, losses = model(dict(batch), return_losses=True, training=True)
    gradients = tape.gradient(losses["total_loss"], model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    manager = tf.train.CheckpointManager(checkpoint, out_dir, max_to_keep=1)
    step = int(optimizer.iterations)
    manager.save(checkpoint_number=step)
    with open(os.path.join(out_dir, f"operative_config-{step}.gin"), "w") as file:
        file.write(gin.operative_config_str())
    write(model, batch, os.path.join(out_dir, "trained.npz"))


def replace_noise(noise):
    def uniform(shape, minval=0, maxval=None, **_):
        assert (minval, maxval) == (-1.0, 1.0)
        return tf.ensure_shape(noise, shape)

    for module in (tf, tf.compat.v2):
        module.random.uniform = uniform


def write(model, batch, path):
    outputs = model(dict(batch), training=False)
    np.savez(
        path,
        amps=outputs["amps"],
        harmonic_distribution=outputs["harmonic_distribution"],
        noise_magnitudes=outputs["noise_magnitudes"],
        noise=outputs["filtered_noise"]["signal"],
        harmonic=outputs["harmonic"]["signal"],
        audio=outputs["audio_synth"],
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
