"""What is written to a bucket is read by Beam's own file systems."""

import hashlib
import itertools

import apache_beam as beam
import pytest
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from ddsp_core import codec, io

pytest.importorskip("apache_beam.io.gcp.gcsio", reason="needs apache-beam[gcp]")

RECORDS = [bytes([k]) * (1000 + k) for k in range(40)]


@pytest.fixture
def place(bucket, monkeypatch):
    """A bucket that Beam's own client reaches, asking nobody for credentials."""
    from apache_beam.internal.gcp import auth

    monkeypatch.setattr(auth._Credentials, "_credentials_init", True)
    monkeypatch.setattr(auth._Credentials, "_credentials", None)
    FileSystems.set_options(PipelineOptions([]))
    return bucket


def put_shards(place):
    for k in range(2):
        with io.replacing(f"{place}/out/train.tfrecord-{k:05d}-of-00002") as path:
            data = map(codec.frame_record, RECORDS[k * 20 : (k + 1) * 20])
            path.write_bytes(b"".join(data))


def test_beam_reads_the_records_of_shards(place):
    put_shards(place)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        found = pipeline | beam.io.ReadFromTFRecord(f"{place}/out/train.tfrecord-*")
        digests = found | beam.Map(lambda one: hashlib.sha256(one).hexdigest())
        assert_that(
            digests, equal_to([hashlib.sha256(one).hexdigest() for one in RECORDS])
        )


def test_beam_lists_sizes_and_opens_what_we_write(place):
    io.write_bytes(f"{place}/out/ä b.json", b"{}")
    io.write_bytes(f"{place}/out/.lock", b"x")
    (found,) = FileSystems.match([f"{place}/out/*"])
    sizes = {one.path: one.size_in_bytes for one in found.metadata_list}
    assert sizes == {f"{place}/out/ä b.json": 2, f"{place}/out/.lock": 1}
    with FileSystems.open(f"{place}/out/ä b.json") as file:
        assert file.read() == b"{}"


def test_we_read_what_beam_writes(place):
    with FileSystems.create(f"{place}/in/a.bin") as file:
        file.write(b"x" * 5000)
    assert io.read_bytes(f"{place}/in/a.bin") == b"x" * 5000
    assert [one.size for one in io.entries(f"{place}/in")] == [5000]


@pytest.mark.slow
def test_beam_reads_shards_while_the_server_fails_now_and_then(place, gcs_proxy):
    put_shards(place)
    numbers, codes = itertools.count(1), itertools.cycle([429, 503])
    gcs_proxy.fault = lambda method, path: (
        ("status", next(codes)) if next(numbers) % 3 == 0 else None
    )
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        found = pipeline | beam.io.ReadFromTFRecord(f"{place}/out/train.tfrecord-*")
        count = found | beam.combiners.Count.Globally()
        assert_that(count, equal_to([len(RECORDS)]))
    assert gcs_proxy.n_faults() > 0
