"""Decoding: every format in order, aligned, in bounded memory, with typed failures."""

from __future__ import annotations

import errno
import fractions
import os
import tracemalloc

import av
import numpy as np
import pytest
import soundfile

from ddsp_core.audio import decode, libav, sndfile
from ddsp_core.audio.decode import DecodeError, Decoder, probe, stream
from ddsp_core.errors import AudioError, StorageError
from tests.encoded import encode, lag_secs

RATE = 48_000


def decoded(path, **kwargs):
    return np.concatenate(list(stream(path, **kwargs)))


def chirp(secs=1.5, rate=RATE):
    """A sweep in bursts: its autocorrelation has one sharp peak."""
    t = np.arange(round(secs * rate)) / rate
    sweep = np.sin(2 * np.pi * (200 * t + 1900 * t**2))
    return (0.5 * sweep * np.sin(2 * np.pi * 3 * t) ** 2).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "codec", "container", "decoder"),
    [
        ("take.m4a", "aac", None, Decoder.FFMPEG),
        ("take.webm", "libopus", "webm", Decoder.FFMPEG),
        ("take.mka", "aac", "matroska", Decoder.FFMPEG),
        ("lossless.m4a", "alac", "ipod", Decoder.FFMPEG),
        ("take.opus", "libopus", "ogg", Decoder.SNDFILE),
        ("take.mp3", "libmp3lame", "mp3", Decoder.SNDFILE),
    ],
)
def test_an_encoded_copy_lines_up_with_its_recording(
    tmp_path, name, codec, container, decoder
):
    audio = chirp()
    encode(tmp_path / name, audio, RATE, codec, container)
    info = probe(tmp_path / name)
    copy = decoded(tmp_path / name)
    assert info.decoder is decoder
    assert (info.sample_rate, copy.shape[1]) == (RATE, 1)
    assert abs(lag_secs(copy[:, 0], audio, RATE)) < 1e-3
    rms = np.sqrt(np.mean(np.square(copy[: len(audio), 0] - audio[: len(copy)])))
    assert rms < 0.1 * np.sqrt(np.mean(np.square(audio)))


@pytest.mark.parametrize(
    ("form", "subtype", "error"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-23),
        ("WAV", "PCM_32", 2**-23),  # float32 holds 24 bits
        ("AIFF", "PCM_16", 2**-15),
        ("AU", "PCM_16", 2**-15),
        ("CAF", "PCM_24", 2**-23),
        ("W64", "FLOAT", 0.0),
        ("FLAC", "PCM_24", 2**-23),
    ],
)
def test_samples_come_back_to_the_width_of_their_format(tmp_path, form, subtype, error):
    audio = np.random.default_rng(0).uniform(-0.99, 0.99, (5000, 6))
    path = tmp_path / "take"
    soundfile.write(path, audio, 11_025, subtype, format=form)
    info = probe(path)
    assert (info.sample_rate, info.n_channels, info.n_samples) == (11_025, 6, 5000)
    assert info.seekable
    np.testing.assert_allclose(decoded(path), audio, rtol=0, atol=error + 1e-7)


@pytest.mark.parametrize("form", ["WAV", "AIFF", "FLAC", "AU", "CAF", "W64"])
def test_seeking_gives_the_samples_of_decoding_in_order(tmp_path, form):
    audio = np.random.default_rng(1).uniform(-0.9, 0.9, (50_000, 2))
    soundfile.write(tmp_path / "take", audio, 44_100, "PCM_16", format=form)
    whole = decoded(tmp_path / "take")
    for start in (1, 4095, 31_337, 49_999):
        np.testing.assert_array_equal(
            decoded(tmp_path / "take", start=start), whole[start:]
        )


def test_float_samples_over_full_scale_and_nan_come_as_stored(tmp_path):
    audio = np.array([[0.5], [2.5], [-3.0], [np.nan], [np.inf]], np.float32)
    soundfile.write(tmp_path / "hot.wav", audio, 16_000, "FLOAT")
    np.testing.assert_array_equal(decoded(tmp_path / "hot.wav"), audio)


def test_the_samples_do_not_depend_on_the_chunk_size(test_data):
    path = test_data / "audio/hard/take.mp3"
    whole = decoded(path)
    chunks = list(stream(path, chunk_samples=777))
    assert {len(chunk) for chunk in chunks[:-1]} == {777}
    np.testing.assert_array_equal(np.concatenate(chunks), whole)


def test_ffmpeg_and_libsndfile_agree_on_what_both_read(test_data):
    for name in ("mono_8k_8bit.wav", "stereo_96k_float.wav", "take_24bit_44k.flac"):
        path = test_data / "audio/hard" / name
        ours = np.concatenate(list(sndfile.pieces(sndfile.probe(path))))
        theirs = np.concatenate(list(libav.pieces(libav.probe(path))))
        np.testing.assert_array_equal(ours, theirs)


def test_priming_before_time_zero_is_left_out():
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 64), np.float32), "fltp", "mono")
    frame.sample_rate, frame.time_base = RATE, fractions.Fraction(1, 24_000)
    for pts, n_before in ((None, 0), (0, 0), (500, 0), (-16, 32)):
        frame.pts = pts
        assert libav._n_before_zero(frame) == n_before


def test_a_header_that_claims_more_than_there_is_gives_what_there_is(tmp_path):
    soundfile.write(tmp_path / "take.wav", np.zeros((1000, 1)), 16_000, "PCM_16")
    data = (tmp_path / "take.wav").read_bytes()
    (tmp_path / "take.wav").write_bytes(data[:-600])
    assert len(decoded(tmp_path / "take.wav")) == 700


@pytest.mark.parametrize("form", ["WAV", "AIFF"])
def test_a_file_that_was_not_copied_whole_says_so(tmp_path, form):
    path = tmp_path / "take"
    soundfile.write(path, np.zeros((10_000, 1)), 16_000, "PCM_16", format=form)
    assert probe(path).remark == ""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 12_000])
    assert "ends after 40% of what its header promises" in probe(path).remark


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize("n_silent", [0, 5000])
def test_a_recording_whose_header_was_never_finished_is_read(
    tmp_path, subtype, n_silent
):
    """The recorder lost its power before it filled in the sizes."""
    audio = chirp()
    audio[:n_silent] = 0
    soundfile.write(tmp_path / "take.wav", audio, RATE, subtype)
    whole = decoded(tmp_path / "take.wav")
    data = bytearray((tmp_path / "take.wav").read_bytes())
    for at in (4, data.index(b"data") + 4):
        data[at : at + 4] = bytes(4)
    (tmp_path / "take.wav").write_bytes(data)
    np.testing.assert_array_equal(decoded(tmp_path / "take.wav"), whole)


def test_a_stream_of_unknown_length_is_read_without_a_remark(tmp_path):
    soundfile.write(tmp_path / "take.wav", np.zeros(1000), 16_000)
    data = bytearray((tmp_path / "take.wav").read_bytes())
    for at in (4, data.index(b"data") + 4):
        data[at : at + 4] = b"\xff" * 4
    (tmp_path / "take.wav").write_bytes(data)
    assert len(decoded(tmp_path / "take.wav")) == 1000
    assert probe(tmp_path / "take.wav").remark == ""


def test_a_long_file_is_decoded_in_bounded_memory(tmp_path):
    silence = np.zeros(600 * 16_000, np.int16)
    soundfile.write(tmp_path / "long.flac", silence, 16_000)
    del silence
    tracemalloc.start()
    n_samples = sum(len(chunk) for chunk in stream(tmp_path / "long.flac"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_samples == 600 * 16_000
    assert peak < 3e6  # a tenth of the file's samples


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("corrupt_header.wav", "its header is damaged or its format is unknown"),
        ("text_file.wav", "holds text, not audio"),
        ("zero_bytes.wav", r"is empty \(0 bytes\)"),
        ("folder_named.wav", "is a folder"),
        ("missing.wav", "does not exist; was it moved or deleted"),
        ("take.wav/part.wav", "does not exist"),
    ],
)
def test_what_cannot_be_read_says_why(test_data, name, reason):
    with pytest.raises(AudioError, match=reason):
        probe(test_data / "audio/hard" / name)


def test_other_files_of_a_music_folder_are_refused_with_a_reason(tmp_path):
    names = {
        "cover.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8,
        "zeros.wav": bytes(5000),
        "noise.wav": np.random.default_rng(0).bytes(20_000),
        "list.wav": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/take.wav\n",
        "umlaut.txt": "Stücke für Flöte, Übung ".encode() * 200,
    }
    for name, data in names.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(AudioError, match="not audio"):
            probe(tmp_path / name)


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="pipe or device"):
        probe(tmp_path / "pipe.wav")


def test_a_name_of_any_bytes_can_be_read(tmp_path, test_data):
    data = (test_data / "audio/hard/short_60ms.wav").read_bytes()
    for name in (b"caf\xe9.wav", "サックス 🎷.wav".encode(), b"a %d'\n.wav"):
        path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
        with open(path, "wb") as file:
            file.write(data)
        assert len(decoded(path)) == 2646


def test_a_valid_file_without_samples_is_no_error(test_data):
    path = test_data / "audio/hard/header_only_no_samples.wav"
    assert probe(path).n_samples == 0
    assert list(stream(path)) == []


def test_a_truncated_flac_gives_what_came_before_the_damage(test_data):
    whole = decoded(test_data / "audio/hard/take_16k.flac")
    chunks = []
    with pytest.raises(DecodeError, match=r"cannot be decoded beyond 1\.02 s") as info:
        chunks.extend(stream(test_data / "audio/hard/truncated.flac"))
    # list.extend keeps what it got before the exception.
    got = np.concatenate(chunks)
    assert info.value.n_decoded == len(got) == 16_384
    np.testing.assert_array_equal(got, whole[: len(got)])


def test_a_truncated_m4a_gives_an_error_that_says_so(tmp_path):
    encode(tmp_path / "take.m4a", chirp(), RATE, "aac")
    data = (tmp_path / "take.m4a").read_bytes()
    (tmp_path / "take.m4a").write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"take\.m4a.* damaged"):
        decoded(tmp_path / "take.m4a")


def test_damage_inside_an_m4a_is_met_part_way(tmp_path):
    encode(tmp_path / "take.mka", chirp(4.0), RATE, "aac", "matroska")
    data = bytearray((tmp_path / "take.mka").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(3).bytes(3000)
    (tmp_path / "take.mka").write_bytes(bytes(data))
    chunks = []
    try:
        chunks.extend(stream(tmp_path / "take.mka"))
    except DecodeError as error:
        assert error.n_decoded == sum(map(len, chunks))
    assert sum(map(len, chunks)) > RATE


def test_a_failing_disk_is_not_blamed_on_the_file(test_data, monkeypatch):
    path = test_data / "audio/hard/take.aiff"

    def broken(*_args, **_kwargs):
        raise soundfile.LibsndfileError(sndfile.SYSTEM_ERROR)

    with monkeypatch.context() as patch:
        patch.setattr(soundfile.SoundFile, "read", broken)
        with pytest.raises(StorageError, match="check the disk or the network"):
            decoded(path)

    def no_disk(*_args, **_kwargs):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(decode.sndfile, "open", no_disk, raising=False)
    with pytest.raises(StorageError, match="Input/output error"):
        probe(path)


def test_a_file_that_vanishes_after_it_was_listed_is_named(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "take.wav", np.zeros(10), 16_000)
    size = decode.check_regular

    def vanish(path):
        result = size(path)
        path.unlink()
        return result

    monkeypatch.setattr(decode, "check_regular", vanish)
    with pytest.raises(AudioError, match=r"take\.wav' does not exist"):
        probe(tmp_path / "take.wav")


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "take.wav", np.zeros(10), 16_000)

    def denied(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(sndfile, "open", denied, raising=False)
    with pytest.raises(AudioError, match="may not be read by this user"):
        probe(tmp_path / "take.wav")
