"""A small real training, and what its run looks like afterwards."""

import numpy as np
import tensorflow as tf

from ddsp_core.checkpoints import ModelDirectory
from training.train import Request

SMALL = (
    "RnnFcDecoder.rnn_channels=8",
    "RnnFcDecoder.ch=8",
    "Reverb.reverb_length=100",
    "SpectralLoss.fft_sizes=(256, 64)",
    "train.batch_size=4",
    "train.steps_per_summary=2",
    "train.steps_per_save=3",
)


def request(data, out, **changes):
    options = {"config": "tiny_instrument", "bindings": SMALL, "n_steps": 4}
    return Request(data=data, out=out, **(options | changes))


def mlflow_run(run):
    from mlflow import MlflowClient

    client = MlflowClient(run.mlflow.tracking_uri)
    return client, client.get_run(run.mlflow.run_id)


def steps_of(run, metric):
    client, _ = mlflow_run(run)
    return [m.step for m in client.get_metric_history(run.mlflow.run_id, metric)]


def weights(directory):
    reader = tf.train.load_checkpoint(str(ModelDirectory(directory).latest()))
    return {
        key: reader.get_tensor(key)
        for key in reader.get_variable_to_shape_map()
        if "OBJECT_GRAPH" not in key and "save_counter" not in key
    }


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
