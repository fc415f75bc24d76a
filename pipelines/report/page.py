"""`report.html` from the numbers, the verdict and the clips; nothing from outside."""

from __future__ import annotations

import dataclasses
import html
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pipelines.report.charts import histogram_chart, pitch_chart
from pipelines.report.numbers import counted
from pipelines.report.style import CSS
from pipelines.report.verdict import Verdict, Weight

Numbers = Mapping[str, Any]

USES: Final = {
    "train": "to train on",
    "eval": "held out",
    "guard": "guard between the two",
    "refused": "refused",
}
TAGS: Final = {
    Weight.STOP: "must be changed",
    Weight.WARN: "mind this",
    Weight.NEXT: "record next",
    Weight.HINT: "hint",
}


@dataclasses.dataclass(frozen=True)
class Clip:
    """What the page shows of one example.

    Args:
        kind: 'best', 'worst' or 'by chance'.
        caption: Where it is from.
        score: Its mean confidence, less what jumps cost.
        picture: Data URI.
        sound: Data URI.
    """

    kind: str
    caption: str
    score: float
    picture: str
    sound: str


def page(title: str, numbers: Numbers, verdict: Verdict, clips: Sequence[Clip]) -> str:
    """Return the page; the same input gives the same text.

    Args:
        title: Name of what was recorded; may be empty.
        numbers: What `numbers_of` returns.
        verdict: On them.
        clips: To hear, in order.
    """
    body = [
        f"<h1>Is my data good? <small class='name'>{_text(title)}</small></h1>",
        _verdict(verdict),
        _tiles(numbers),
        _minutes(numbers),
        _clips(clips),
        _pitch(numbers),
        _charts(numbers),
        _recordings(numbers),
        _trust(numbers),
    ]
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<link rel='icon' href='data:,'>"
        f"<title>Data report {_text(title)}</title><style>{CSS}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _text(text: str) -> str:
    """Escape; bytes of names that are not text are shown as a question mark."""
    return html.escape(text.encode("utf-8", "replace").decode())


def _name(source: str) -> str:
    """A file's name, its whole path when the mouse rests on it."""
    return (
        f"<span class='name' title='{_text(source)}'>"
        f"{_text(os.path.basename(source))}</span>"
    )


def _verdict(verdict: Verdict) -> str:
    items = "".join(
        f"<li class='{one.weight}'><span class='tag'>{TAGS[one.weight]}</span>"
        f"<b>{_text(one.what)}</b><span class='do'>{_text(one.do)}</span></li>"
        for one in verdict.findings
    )
    calm = not any(one.weight.is_serious for one in verdict.findings)
    rest = "<p class='do'>Nothing stands in the way of training.</p>" if calm else ""
    return (
        f"<section class='verdict {str(verdict.grade).replace(' ', '-')}'>"
        f"<p class='grade'>{verdict.grade}</p>{rest}"
        f"<ul class='findings'>{items}</ul></section>"
    )


def _tiles(numbers: Numbers) -> str:
    playing, pitch, room = numbers["playing"], numbers["pitch"], numbers["room"]
    snr, level = numbers["noise"]["snr_db"], numbers["level"]["median_db"]
    ends = f"{pitch['lowest']} – {pitch['highest']}" if pitch["lowest"] else "none"
    tiles = [
        (f"{numbers['minutes']['train']:.1f} min", "to train on"),
        (ends, "notes to train on"),
        (_percent(playing["voiced_share"]), "of the sound has a pitch"),
        (_db(level), "median level while playing"),
        (_db(snr) if snr is not None else "unknown", "noise below the playing"),
        (_room(room), "room"),
    ]
    cells = "".join(
        f"<div class='tile'><b>{b}</b><span>{s}</span></div>" for b, s in tiles
    )
    return f"<div class='tiles'>{cells}</div>"


def _minutes(numbers: Numbers) -> str:
    minutes = numbers["minutes"]
    total = minutes["found"] or 1.0
    bars, keys = "", ""
    for use, text in USES.items():
        if minutes[use]:
            width = 100 * minutes[use] / total
            bars += f"<i class='{use}' style='width:{width:.2f}%' title='{text}'></i>"
            keys += (
                f"<span><i class='key {use}'></i>{_time(minutes[use])} {text}</span>"
            )
    rows = [
        (
            _text(loss["reason"]),
            _time(loss["secs"] / 60),
            f"{loss['n_files']}",
            _some(loss["files"], loss["n_files"]),
        )
        for loss in numbers["losses"]
    ]
    table = _table(("why it is refused", "time", "files", "which"), rows, {1, 2})
    return (
        f"<section><h2>{_time(minutes['found'])} found</h2>"
        f"<div class='split'>{bars}</div><div class='keys'>{keys}</div>{table}"
        f"{_refused_files(numbers['files'])}</section>"
    )


def _refused_files(files: Numbers) -> str:
    rows = [(_name(row["source"]), _text(row["reason"])) for row in files["refused"]]
    more = files["n_refused"] - len(rows)
    note = f"<p class='note'>and {more} more, in rejected.jsonl</p>" if more > 0 else ""
    other = files["n_not_audio"]
    if other:
        what = counted(other, "file")
        note += f"<p class='note'>Passed by, not audio: {what}.</p>"
    return _table(("not used as a whole, or cut short", "why"), rows) + note


def _clips(clips: Sequence[Clip]) -> str:
    if not clips:
        return ""
    cells = "".join(
        f"<figure class='clip'><h3>{_text(clip.kind)}</h3>"
        f"<img alt='spectrogram with pitch' src='{clip.picture}'>"
        f"<audio controls preload='metadata' src='{clip.sound}'></audio>"
        f"<figcaption class='name'>{_text(clip.caption)}<br>"
        f"score {clip.score:.2f}</figcaption></figure>"
        for clip in clips
    )
    return (
        "<section><h2>Hear it</h2><p class='note'>The line is the pitch that the model"
        " will be told. If it leaves the lowest bright band while a note sounds, the"
        f" pitch is wrong there.</p><div class='clips'>{cells}</div></section>"
    )


def _pitch(numbers: Numbers) -> str:
    pitch = numbers["pitch"]
    chart = pitch_chart(pitch["trained_secs"], pitch["found_secs"])
    gaps = pitch["gaps"]
    text = "No gap of more than a whole tone inside the range." if gaps == [] else ""
    if not pitch["lowest"]:
        text = ""
    items = "".join(f"<li>{_text(gap)}</li>" for gap in gaps)
    listed = f"<ul>{items}</ul>" if gaps else ""
    return (
        f"<section><h2>Notes</h2><div class='wide'>{chart}</div>"
        "<p class='note'>Dark: to train on. Pale: all"
        f" that was found. {text}</p>{listed}</section>"
    )


def _charts(numbers: Numbers) -> str:
    playing = numbers["playing"]
    jumps = playing["octave_jumps_per_minute"]
    facts = [
        ("Voiced, of what sounds", _percent(playing["voiced_share"])),
        ("No clear pitch, of what sounds", _percent(playing["unpitched_share"])),
        ("More than one note, of what sounds", _percent(playing["polyphonic_share"])),
        ("Silence, of all", _percent(playing["silent_share"])),
        (
            "Octave jumps a minute",
            "–" if jumps is None else f"{jumps:.1f}",
        ),
    ]
    table = _table(("pitch and voice", ""), facts, {1})
    loudness = histogram_chart(
        numbers["loudness"], 1.0, " dB", "seconds by loudness", 10.0
    )
    confidence = histogram_chart(
        numbers["confidence"], 0.05, "", "seconds by confidence", 0.1
    )
    return (
        f"<div class='two'><section><h2>Loudness of what sounds</h2>{loudness}"
        "<p class='note'>A-weighted. A wide hill: soft and loud are both there.</p>"
        f"</section><section><h2>Confidence of the pitch</h2>{confidence}"
        "<p class='note'>Left of 0.5 nothing counts as pitched.</p></section>"
        f"<section>{table}</section><section>{_room_and_noise(numbers)}</section></div>"
    )


def _room_and_noise(numbers: Numbers) -> str:
    room, noise, level = numbers["room"], numbers["noise"], numbers["level"]
    advice = {
        None: "too few notes end in silence to tell",
        True: "train with the reverb (the default)",
        False: "the reverb may be left out",
    }[room["train_reverb"]]
    clipped = numbers["clipping"]
    facts = [
        ("Room", f"{_room(room)}: {advice}"),
        ("Noise floor", _noise(noise)),
        ("Median level", _db(level["median_db"])),
        ("Files of another level", str(level["n_disagreeing"])),
        ("Clipped files", str(clipped["n_files"])),
    ]
    files = [
        (_name(row["source"]), _db(row["level_db"])) for row in level["disagreeing"]
    ]
    files += [
        (_name(row["source"]), f"{row['clipped_share']:.2%} clipped")
        for row in clipped["files"]
    ]
    for fault in numbers["faults"].values():
        files += [(_name(source), _text(fault["text"])) for source in fault["files"]]
    more = _table(("file", "what"), files)
    details = f"<details><summary>Which files</summary>{more}</details>"
    return _table(("sound", ""), facts) + (details if files else "")


def _recordings(numbers: Numbers) -> str:
    rows = [
        (
            f"{row['sample_rate']}&nbsp;Hz",
            _text(row["sample_format"]),
            str(row["n_channels"]),
            _text(row["stereo"]),
            str(row["n_files"]),
            f"{row['secs'] / 60:.2f}",
        )
        for row in numbers["formats"]
    ]
    head = ("rate", "format", "channels", "stereo", "files", "min")
    spec = numbers["spec"]
    return (
        f"<section><h2>Recordings</h2>{_table(head, rows, {2, 4, 5})}"
        f"<p class='note'>All are resampled to {spec['sample_rate']} Hz and mixed to"
        " mono.</p></section>"
    )


def _trust(numbers: Numbers) -> str:
    leak, copies = numbers["leakage"], numbers["duplicates"]
    near = leak["nearest_secs"]
    apart = (
        "no recording is in both splits"
        if near is None
        else f"the nearest held-out moment is {near:.2f} s from one that is trained on"
    )
    rows = [(_name(row["source"]), _text(row["reason"])) for row in copies["files"]]
    return (
        "<section><h2>Held out and trained on:"
        f" {leak['overlap_secs']:g} s in common</h2>"
        f"<p class='note'>Compared: {leak['n_ranges']} stretches of"
        f" {leak['n_recordings']} recordings, as the shards hold them; {apart}."
        f" Recordings are told apart by their samples, not by their names.</p>"
        f"<h2>Copies of other files: {copies['n_files']}</h2>"
        f"{_table(('copy', 'of'), rows)}</section>"
    )


def _some(files: Iterable[Numbers], n_files: int) -> str:
    names = [_name(row["source"]) for row in files][:3]
    more = n_files - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    numeric: Iterable[int] = (),
) -> str:
    """A table of cells that are HTML already; nothing without rows."""
    if not rows:
        return ""
    right = set(numeric)

    def line(cells: Sequence[str], tag: str) -> str:
        parts = (
            f"<{tag}{' class=n' if k in right else ''}>{cell}</{tag}>"
            for k, cell in enumerate(cells)
        )
        return f"<tr>{''.join(parts)}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<div class='wide'><table>{line(head, 'th')}{body}</table></div>"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _db(level: float | None) -> str:
    return "–" if level is None else f"{level:.0f} dB"


def _noise(noise: Numbers) -> str:
    if noise["floor_db"] is None:
        return "unknown: no rest but digital silence"
    return _db(noise["floor_db"])


def _time(minutes: float) -> str:
    """Return a duration; one too short for minutes in seconds.

    >>> _time(12.3), _time(0.0031)
    ('12.30 min', '0.2 s')
    """
    return f"{60 * minutes:.1f} s" if minutes < 0.1 else f"{minutes:.2f} min"


def _room(room: Numbers) -> str:
    secs = room["rt60_secs"]
    if secs is None:
        return "unknown"
    return "dry" if room["kind"] == "dry" else f"{secs:.1f} s"
