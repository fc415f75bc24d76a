import re

import pytest

from ddsp_core.config import files
from ddsp_core.errors import ConfigError


def test_packaged_names_are_the_models():
    assert files.packaged_names() == [
        "ae",
        "nsynth_ae",
        "solo_instrument",
        "solo_instrument_44100",
        "solo_instrument_48000",
        "solo_instrument_full_band",
        "tiny_instrument",
        "vst",
        "vst_32k",
        "vst_48k",
    ]


def test_every_packaged_config_says_what_it_needs():
    for path in files.packaged().rglob("*.gin"):
        text = path.read_text()
        assert re.match(r"# [^\n]+\n(#.*\n)*# Required\n", text), path
        assert "# Commonly overridden\n" in text, path


def test_includes_are_put_in_place_and_bindings_come_last():
    text = files.load("tiny_instrument", ["train.batch_size=2", "Reverb.add_dry=False"])
    assert text.index("rnn_channels = 512") < text.index("rnn_channels = 256")
    assert text.rstrip().endswith("train.batch_size=2\nReverb.add_dry=False")
    assert "include" not in re.sub("#.*", "", text)


def test_magentas_names_of_configs_are_known():
    as_magenta = files.load("papers/iclr2020/tiny_instrument.gin")
    assert without_comments(as_magenta) == without_comments(
        files.load("tiny_instrument")
    )


def test_a_file_finds_its_includes_beside_and_above_it(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "papers").mkdir()
    (tmp_path / "models" / "own.gin").write_text("Reverb.reverb_length = 7\n")
    main = tmp_path / "papers" / "main.gin"
    main.write_text("include 'models/own.gin'\ninclude 'models/tiny_instrument.gin'\n")
    text = files.load(main)
    assert "Reverb.reverb_length = 7" in text and "rnn_channels = 256" in text


def test_a_name_that_does_not_exist_gets_a_suggestion():
    with pytest.raises(ConfigError, match=r"did you mean 'tiny_instrument'.*packaged"):
        files.load("tiny_instrumnt")
    with pytest.raises(ConfigError, match=r"no config file 'none.gin'"):
        files.load("none.gin")


def test_a_missing_include_and_a_circle_are_refused(tmp_path):
    (tmp_path / "a.gin").write_text("include 'b.gin'\n")
    with pytest.raises(ConfigError, match=r"include 'b.gin'"):
        files.load(tmp_path / "a.gin")
    (tmp_path / "b.gin").write_text("include 'a.gin'\n")
    with pytest.raises(ConfigError, match=r"includes itself"):
        files.load(tmp_path / "a.gin")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.gin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read as a config"):
        files.load(tmp_path / "a.gin")


def without_comments(text):
    return [line for line in text.splitlines() if line and line[0] != "#"]
