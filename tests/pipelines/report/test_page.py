"""The page: self-contained, escaped, the same each time; in a real browser too."""

import html.parser
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from ddsp_core.errors import DatasetError
from ddsp_core.manifest import DatasetManifest
from pipelines.prepare import prepare
from pipelines.report.clips import features_of
from pipelines.report.numbers import numbers_of
from pipelines.report.page import Clip, page
from pipelines.report.pictures import picture, sound
from pipelines.report.verdict import judge_dataset
from pipelines.report.write import title_of, write_report
from pipelines.summary import summarise
from tests.pipelines.preparations import options, sha256s
from tests.pipelines.recordings import write
from tests.pipelines.report.materials import example, material, row

VOID = {"meta", "link", "img", "br", "rect", "line"}


class Outline(html.parser.HTMLParser):
    """Collects what a page refers to, and that its tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def made(**changes):
    numbers = numbers_of(material(**changes))
    values = example()
    clip = Clip(
        "best",
        "<b>.wav & ü, 0.0 to 4.0 s",
        0.9,
        picture(values["audio_16k"], features_of(values), 250),
        sound(values["audio"], 16_000),
    )
    return page("name <script>", numbers, judge_dataset(numbers), [clip] * 6)


def test_nothing_comes_from_outside_and_all_tags_are_closed():
    outline = Outline(made())
    assert not outline.open and "script" not in outline.tags
    assert all(link.startswith("data:") for link in outline.links)
    assert outline.tags.count("audio") == 6
    assert "http" not in re.sub(r"data:[^'\"]*", "", made())


def test_names_are_escaped_and_bytes_that_are_no_text_do_not_break_it():
    name = "bad \udcff <i>'\"name.wav"
    text = made(sources=[row(name, quality={"clipped_share": 0.5})])
    assert "<i>'" not in text and "&lt;b&gt;.wav &amp; ü" in text
    assert text.encode("utf-8")


def test_the_same_material_gives_the_same_page():
    assert made() == made()


def test_a_clip_is_heard_as_it_was(tmp_path):
    import base64
    import io

    import soundfile

    audio = example()["audio"]
    kind, data = sound(audio, 16_000).split(",", 1)
    assert kind == "data:audio/flac;base64"
    decoded, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert rate == 16_000
    np.testing.assert_allclose(decoded, audio, atol=2**-15)


def test_a_preparation_has_a_report(dataset):
    numbers = json.loads((dataset / "report.json").read_text())
    text = (dataset / "report.html").read_text(encoding="utf-8")
    outline = Outline(text)
    assert not outline.open
    assert all(link.startswith("data:") for link in outline.links)
    assert outline.tags.count("audio") == len(numbers["clips"]) == 6
    assert numbers["leakage"]["overlap_secs"] == 0
    assert numbers["leakage"]["n_ranges"] > 1
    assert numbers["duplicates"]["n_files"] == 1
    assert {f["sample_rate"] for f in numbers["formats"]} == {16_000, 44_100}
    manifest = DatasetManifest.load(dataset)
    for use, secs in manifest.details["seconds"].items():
        assert numbers["minutes"][use] == pytest.approx(secs / 60, abs=1e-3)
    result = summarise(manifest, str(dataset), True)
    assert result["verdict"] == numbers["verdict"]
    assert f"verdict: {numbers['verdict']['line']}; see {dataset}" in result["text"]


def test_the_report_is_the_same_from_the_store(corpus, dataset, store, tmp_path):
    again = tmp_path / dataset.name
    prepare(options(corpus, again, store, workers=2))
    first, second = sha256s(dataset), sha256s(again)
    for name in ("report.html", "report.json"):
        assert first[name] == second[name]


def test_without_a_dataset_the_report_says_why(tmp_path):
    hiss = 0.05 * np.random.default_rng(0).standard_normal(16_000 * 5)
    (tmp_path / "in").mkdir()
    write(tmp_path / "in/hiss.wav", hiss, 16_000)
    with pytest.raises(DatasetError, match="no usable audio"):
        prepare(options(tmp_path / "in", tmp_path / "out"))
    numbers = json.loads((tmp_path / "out/report.json").read_text())
    assert numbers["verdict"]["grade"] == "not usable"
    assert "no usable audio" in numbers["failure"]
    text = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "hiss.wav" in text and "<audio" not in text


def test_the_title_names_the_folders_or_what_holds_them():
    def title(*sources):
        return title_of([{"source": source} for source in sources])

    assert title("in/sax/a.wav", "in/sax/b.wav", "in/flute/c.wav") == "flute, sax"
    assert title(*(f"in/all/{k}/a.wav" for k in range(9))) == "all"
    assert title("a.wav") == title() == title("a/1", "b/1", "c/1", "d/1") == ""


def test_a_report_without_clips_is_written(tmp_path):
    verdict = write_report(tmp_path, material())
    assert verdict.grade == "good"
    assert json.loads((tmp_path / "report.json").read_text())["clips"] == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [500, 1200])  # it makes no narrower window
def test_a_browser_plays_the_clips_and_asks_for_nothing(dataset, tmp_path, width):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium to render the report with")
    probe = (
        "<script>addEventListener('load', () => setTimeout(() => {"
        "const n = document.documentElement;"
        "const a = [...document.querySelectorAll('audio')];"
        "n.dataset.secs = a.map(x => x.duration.toFixed(2)).join(' ');"
        "n.dataset.pictures = [...document.images].filter(x => x.naturalWidth).length;"
        "n.dataset.asked = performance.getEntriesByType('resource')"
        ".filter(x => !x.name.startsWith('data:')).length;"
        "n.dataset.overflow = n.scrollWidth - innerWidth;}, 1500))</script>"
    )
    text = (dataset / "report.html").read_text(encoding="utf-8")
    probed = tmp_path / "probed.html"
    probed.write_text(text.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900",
            "--virtual-time-budget=6000",
            "--dump-dom",
            probed.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = dict(re.findall(r'data-(\w+)="([^"]*)"', done.stdout[:2000]))
    assert [float(secs) for secs in found["secs"].split()] == [2.0] * 6
    assert (found["pictures"], found["asked"]) == ("6", "0")
    assert int(found["overflow"]) <= 0
