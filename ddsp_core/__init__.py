"""The instrument: DSP, features, models and formats; everything inference needs."""

# Keras 3 writes other checkpoint keys and loses weights without an error, so
# TensorFlow must be told to use Keras 2 before anything imports it (nn/keras.py).
import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
