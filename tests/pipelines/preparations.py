"""Small preparations of generated melodies."""

import hashlib

from ddsp_core.spec import ExampleSpec
from pipelines.options import PrepareOptions

SPEC = ExampleSpec.from_seconds(2.0, 16_000, 50, 0.5)


def options(inputs, out, store=None, **changes):
    choices = {"spec": SPEC, "min_eval_secs": 5.0, "store": store} | changes
    return PrepareOptions(inputs=(str(inputs),), out=str(out), **choices)


def sha256s(path):
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(path.iterdir())
        if file.is_file() and not file.name.startswith(".")
    }
