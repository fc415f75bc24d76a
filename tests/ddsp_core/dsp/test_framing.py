import numpy as np
import pytest

from ddsp_core.dsp.framing import (
    center_crop,
    frames,
    get_framed_lengths,
    pad,
    pad_or_trim_to_expected_length,
)
from ddsp_core.errors import ShapeError


@pytest.mark.parametrize("padding", ["valid", "same", "center"])
@pytest.mark.parametrize(
    "n,frame,hop", [(16000, 512, 64), (16001, 1024, 320), (999, 10, 10)]
)
def test_there_are_as_many_frames_as_promised(padding, n, frame, hop):
    promised, padded_length = get_framed_lengths(n, frame, hop, padding)
    padded = pad(np.ones([1, n]), frame, hop, padding)
    got = frames(padded, frame, hop)
    assert got.shape[1] == promised
    assert padded.shape[1] in (padded_length, padded_length - frame % 2)


def test_a_centred_frame_is_centred_on_its_hop():
    audio = np.zeros([1, 1000])
    audio[0, 300] = 1.0
    cut = frames(pad(audio, 64, 100, "valid"), 64, 100)
    assert float(np.max(cut)) == 1.0
    centred = frames(pad(audio, 128, 100, "center"), 128, 100).numpy()
    assert centred[0, 3, 64] == 1.0


def test_center_crop_undoes_centre_padding():
    audio = np.arange(50, dtype=np.float32)[np.newaxis]
    np.testing.assert_array_equal(center_crop(pad(audio, 16, 4), 16), audio)
    np.testing.assert_array_equal(center_crop(audio, 1), audio)


def test_a_hop_longer_than_its_frame_is_refused():
    with pytest.raises(ShapeError, match="hop of 16 samples"):
        pad(np.zeros([1, 50]), 4, 16)


def test_a_feature_far_too_short_is_refused_and_nearly_long_enough_is_filled():
    with pytest.raises(ShapeError, match="length 95"):
        pad_or_trim_to_expected_length(np.zeros(95), 120)
    filled = pad_or_trim_to_expected_length(np.ones(95), 96, pad_value=-1)
    assert filled.tolist() == [1.0] * 95 + [-1.0]
