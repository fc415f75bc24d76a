"""One case of one library in a process of its own, run whenever a line comes in.

python -m benchmarks.worker LIBRARY CASE
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

KILOBYTE = 1024 if sys.platform != "darwin" else 1  # the unit of ru_maxrss


def main(library: str, name: str) -> None:
    """Make the case, tell its memory, then time one run for each line."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    import tensorflow as tf

    from benchmarks import cases

    tf.zeros([]).numpy()
    before = _peak_mb()
    run = cases.make(name, library)
    run()
    print(json.dumps({"peak_growth_mb": _peak_mb() - before}), file=answers)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        taken = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(taken), file=answers)


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * KILOBYTE / 2**20


if __name__ == "__main__":
    main(*sys.argv[1:3])
