"""Addresses of TFDS datasets, right and wrong."""

import pytest

from ddsp_core.errors import UsageError
from pipelines.tfds_address import TfdsAddress, is_tfds, parse_address


def test_an_address_says_what_and_how():
    text = "tfds://nsynth/gansynth_subset.f0_and_loudness:2.3.3"
    assert is_tfds(text) and not is_tfds("recordings/tfds")
    assert parse_address(text) == TfdsAddress(text.removeprefix("tfds://"))
    found = parse_address(
        "tfds://a?split=train[:10%25]%2Btest&data_dir=/x/y&download=1&audio=a/b"
        "&sample_rate=8000&bits=24&f0_offset_secs=0.03"
    )
    assert found == TfdsAddress(
        "a", "train[:10%]+test", "/x/y", 1, "a/b", 8000, 24, 0.03
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tfds://", "names no dataset"),
        ("tfds://a?splot=train", "did you mean 'split'"),
        ("tfds://a?sample_rate=high", "sample_rate is 'high'"),
        ("tfds://a?bits=64", "needed 8 to 32"),
        ("tfds://a?sample_rate=0", "needed Hz"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(text, message):
    with pytest.raises(UsageError, match=message):
        parse_address(text)
