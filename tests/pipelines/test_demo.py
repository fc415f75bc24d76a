"""The demo's music: its range, length and pitch."""

import itertools

import librosa
import numpy as np
import pytest
import soundfile

from ddsp_core.errors import UsageError
from pipelines import demo
from pipelines.soundfont import load_instrument


def test_the_flute_plays_its_range_softly_and_loudly():
    recordings = demo.flute()
    notes = [note for notes in recordings.values() for note in notes]
    assert {note.midi_pitch for note in notes} >= set(range(62, 91))
    secs = sum(notes[-1].end_secs for notes in recordings.values())
    assert 180 < secs < 270
    assert min(note.velocity for note in notes) < 60
    assert max(note.velocity for note in notes) > 100


def test_every_recording_and_the_clip_have_rests():
    for notes in [*demo.flute().values(), demo.oboe()]:
        gaps = [
            later.onset_secs - earlier.end_secs
            for earlier, later in itertools.pairwise(notes)
        ]
        assert min(gaps) > 0
    clip = demo.oboe()
    assert max(b.onset_secs - a.end_secs for a, b in itertools.pairwise(clip)) > 0.5


def test_recordings_are_the_written_music(tmp_path):
    pytest.importorskip("pretty_midi", reason="the demo extra is not installed")
    pytest.importorskip("ddsp_core.audio.write")
    recordings, clip = demo.make_recordings(tmp_path), demo.make_clip(tmp_path)
    assert len(recordings) == len(demo.flute())
    for path in (*recordings, clip):
        audio, rate = soundfile.read(path)
        assert rate == demo.SAMPLE_RATE
        assert 0.2 < np.abs(audio).max() < 0.95
    before = clip.read_bytes()
    clip.unlink()
    assert demo.make_clip(tmp_path).read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("name", list(demo.flute()))
def test_every_note_is_in_tune(name):
    pytest.importorskip("pretty_midi", reason="the demo extra is not installed")
    notes = demo.flute()[name]
    audio = load_instrument(demo.soundfont_path(), demo.FLUTE).play(notes, 44_100)
    audio_16k = librosa.resample(audio, orig_sr=44_100, target_sr=16_000)
    f0_hz, voiced, _ = librosa.pyin(
        audio_16k, fmin=200, fmax=2000, sr=16_000, frame_length=1024, hop_length=128
    )
    secs = np.arange(len(f0_hz)) * 128 / 16_000
    for note in notes:
        held = (secs > note.onset_secs + 0.08) & (secs < note.end_secs - 0.05) & voiced
        cents = 1200 * np.log2(f0_hz[held] / librosa.midi_to_hz(note.midi_pitch))
        assert abs(np.median(cents)) < 20


def test_a_missing_soundfont_names_the_remedy(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"luthier\[demo\].*--audio DIR"):
        demo.soundfont_path()
