"""Code written for Magenta's library finds its names here."""

import subprocess
import sys


def test_magentas_modules_answer_after_one_import():
    code = (
        "import ddsp_core as ddsp\n"
        "print(ddsp.synths.Harmonic.__name__, ddsp.effects.Reverb.__name__,\n"
        "      ddsp.losses.SpectralLoss.__name__, ddsp.core.midi_to_hz.__name__,\n"
        "      ddsp.spectral_ops.compute_loudness.__name__,\n"
        "      ddsp.training.decoders.RnnFcDecoder.__name__,\n"
        "      ddsp.training.models.Autoencoder.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "Harmonic",
        "Reverb",
        "SpectralLoss",
        "midi_to_hz",
        "compute_loudness",
        "RnnFcDecoder",
        "Autoencoder",
    ]


def test_importing_the_package_costs_nothing():
    code = "import sys, ddsp_core; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
