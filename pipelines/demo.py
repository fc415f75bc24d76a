"""The demo's recordings: a sampled flute and an oboe phrase, made on this machine.

The soundfont that the `pretty_midi` package carries is read as data (that package is
never imported). The music is scales, arpeggios, swells and tunes in the public domain.
"""

from __future__ import annotations

import importlib.util
import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ddsp_core.errors import UsageError
from pipelines.soundfont import Note, load_instrument

SAMPLE_RATE: Final = 44_100  # Hz; what people's recordings have
GAIN: Final = 1.6  # the flute's loudest note then peaks near -4 dBFS
FLUTE, OBOE = 73, 68  # General MIDI programs, from 0
CLIP_NAME: Final = "oboe_phrase.wav"

_log = logging.getLogger(__name__)

Beats = Sequence[
    tuple[int | None, float]
]  # MIDI pitch (None: rest) and length in beats

# Beethoven, Symphony No. 9 (1824): the theme of the finale, in C.
ODE_TO_JOY: Final[Beats] = [
    *[(64, 1), (64, 1), (65, 1), (67, 1), (67, 1), (65, 1), (64, 1), (62, 1)],
    *[(60, 1), (60, 1), (62, 1), (64, 1), (64, 1.5), (62, 0.5), (62, 2), (None, 1)],
    *[(64, 1), (64, 1), (65, 1), (67, 1), (67, 1), (65, 1), (64, 1), (62, 1)],
    *[(60, 1), (60, 1), (62, 1), (64, 1), (62, 1.5), (60, 0.5), (60, 2), (None, 1)],
]
# Greensleeves, English, 16th century: first strain, in A minor.
GREENSLEEVES: Final[Beats] = [
    *[(69, 1), (72, 2), (74, 1), (76, 1.5), (77, 0.5), (76, 1), (74, 2), (71, 1)],
    *[(67, 1.5), (69, 0.5), (71, 1), (72, 2), (69, 1), (69, 1.5), (68, 0.5), (69, 1)],
    *[(71, 2), (68, 1), (64, 2), (None, 1), (69, 1), (72, 2), (74, 1), (76, 1.5)],
    *[(77, 0.5), (76, 1), (74, 2), (71, 1), (67, 1.5), (69, 0.5), (71, 1), (72, 1.5)],
    *[(71, 0.5), (69, 1), (68, 1.5), (66, 0.5), (68, 1), (69, 4), (None, 1)],
]
# New Britain ("Amazing Grace"), American, 1829, in F.
NEW_BRITAIN: Final[Beats] = [
    *[(60, 1), (65, 2), (69, 0.5), (65, 0.5), (69, 2), (67, 1), (65, 2), (62, 1)],
    *[(60, 2), (None, 1), (60, 1), (65, 2), (69, 0.5), (65, 0.5), (69, 2), (67, 1)],
    *[(72, 4), (None, 1), (69, 1), (72, 2), (69, 0.5), (65, 0.5), (69, 2), (67, 1)],
    *[(65, 2), (62, 1), (60, 2), (None, 1)],
]
# When the Saints Go Marching In, American, before 1923: the oboe's phrase, in G.
SAINTS: Final[Beats] = [
    *[
        (55, 1),
        (59, 1),
        (60, 1),
        (62, 4),
        (None, 2),
        (55, 1),
        (59, 1),
        (60, 1),
        (62, 2),
    ],
    *[(59, 2), (55, 2), (59, 2), (57, 3)],
]


def make_recordings(folder: Path) -> list[Path]:
    """Render the flute's recordings into `folder`; files that exist are kept.

    Raises:
        UsageError: The soundfont's package is not installed.
    """
    jobs = {folder / f"{name}.wav": notes for name, notes in flute().items()}
    return _render(FLUTE, jobs)


def make_clip(folder: Path) -> Path:
    """Render the oboe's phrase into `folder`, if it is not there.

    Raises:
        UsageError: The soundfont's package is not installed.
    """
    (path,) = _render(OBOE, {folder / CLIP_NAME: oboe()})
    return path


def _render(program: int, jobs: Mapping[Path, list[Note]]) -> list[Path]:
    from ddsp_core.audio.write import write_wav

    missing = [path for path in jobs if not path.exists()]
    if missing:
        instrument = load_instrument(soundfont_path(), program)
    for path in missing:
        audio = instrument.play(jobs[path], SAMPLE_RATE)
        write_wav(path, GAIN * audio, SAMPLE_RATE, subtype="PCM_16")
        _log.info("wrote %s (%.1f s)", path, len(audio) / SAMPLE_RATE)
    return list(jobs)


def soundfont_path() -> Path:
    """Return the path of the soundfont in the installed `pretty_midi` package.

    Raises:
        UsageError: It is not installed.
    """
    package = importlib.util.find_spec("pretty_midi")
    folders = package.submodule_search_locations if package else None
    path = Path(next(iter(folders or [""]))) / "TimGM6mb.sf2"
    if not path.is_file():
        raise UsageError(
            "the demo's recordings need the soundfont of 'pretty-midi', which is not"
            " installed; `pip install 'luthier[demo]'`, or give recordings of your own"
            " with --audio DIR"
        )
    return path


def flute() -> dict[str, list[Note]]:
    """Return the flute's recordings, about four minutes, by name."""
    major = (0, 2, 4, 5, 7, 9, 11)
    scale = [60 + 12 * octave + step for octave in range(3) for step in major][:19]
    triads = [[60 + k + step for step in (0, 4, 7, 12, 7, 4)] for k in range(0, 17, 2)]
    swells = [62, 69, 65, 74, 71, 79, 76, 83, 67, 86]
    return {
        "scales": melody(_even([*scale, *scale[::-1]], 8), 0.6, dynamics=(60, 80, 100)),
        "chromatic": melody(_even([*range(60, 92)], 8), 0.55, dynamics=(110, 70, 90)),
        "arpeggios": melody(
            _even(itertools.chain.from_iterable(triads), 6),
            0.38,
            dynamics=(75, 105, 55),
        ),
        "swells": melody([(pitch, 1) for pitch in swells], 2.2, swells_db=(14, -14)),
        "ode_to_joy": melody(ODE_TO_JOY, 0.5, transpose=12, dynamics=(85, 100, 65)),
        "ode_to_joy_low": melody(ODE_TO_JOY, 0.6, transpose=3, dynamics=(60, 95)),
        "greensleeves": melody(GREENSLEEVES, 0.42, dynamics=(70, 95, 110, 60)),
        "greensleeves_high": melody(GREENSLEEVES, 0.36, 10, dynamics=(100, 75)),
        "new_britain": melody(NEW_BRITAIN, 0.55, transpose=7, swells_db=(4, -6)),
    }


def oboe() -> list[Note]:
    """Return the oboe's phrase, about eight seconds with a rest in it."""
    return melody(SAINTS, 0.33, dynamics=(95, 110))


def melody(
    beats: Beats,
    beat_secs: float,
    transpose: int = 0,
    dynamics: Sequence[int] = (85,),
    swells_db: Sequence[float] = (0.0,),
) -> list[Note]:
    """Turn beats into notes that a player would play: held nine tenths, with dynamics.

    Args:
        beats: Pitches (None is a rest) and lengths.
        beat_secs: Length of a beat, in seconds.
        transpose: In semitones.
        dynamics: Velocities, one for each four notes in turn.
        swells_db: Change of level over a note, one for each note in turn.
    """
    notes: list[Note] = []
    onset_secs = 0.25  # a breath before the first note
    for pitch, length in beats:
        if pitch is not None:
            n = len(notes)
            swell_db = swells_db[n % len(swells_db)]
            velocity = dynamics[n // 4 % len(dynamics)]
            if swell_db > 0:  # a crescendo starts as much softer as it rises
                velocity = round(velocity * 10 ** (-swell_db / 40))
            notes.append(
                Note(
                    onset_secs=onset_secs,
                    duration_secs=0.9 * length * beat_secs,
                    midi_pitch=pitch + transpose,
                    velocity=velocity,
                    swell_db=swell_db,
                )
            )
        onset_secs += length * beat_secs
    return notes


def _even(pitches: Iterable[int], n_phrase: int) -> Beats:
    """Give each pitch a beat, with a rest of two after every `n_phrase` notes."""
    beats: list[tuple[int | None, float]] = []
    for n, pitch in enumerate(pitches, 1):
        beats.append((pitch, 1))
        if n % n_phrase == 0:
            beats.append((None, 2))
    return beats
