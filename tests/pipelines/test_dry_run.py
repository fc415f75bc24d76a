"""A dry run says what would be done, and touches nothing."""

from pipelines import cli
from pipelines.dry_run import dry_run
from pipelines.prepare import prepare
from tests.pipelines.preparations import options


def test_what_it_foresees_holds(corpus, dataset, store, tmp_path):
    out = tmp_path / "out"
    foreseen = dry_run(options(corpus, out))
    assert not out.exists()
    manifest = prepare(options(corpus, out, store=store)).manifest
    n_made = manifest.n_records("train") + manifest.n_records("eval")
    assert n_made <= foreseen["n_examples_at_most"] < 3 * n_made
    n_bytes = sum(p.stat().st_size for p in out.glob("*.tfrecord*"))
    assert n_bytes <= foreseen["bytes_at_most"]
    assert foreseen["n_files"] == 5 and foreseen["n_refused"] == 2
    assert "text.wav" in foreseen["text"] and "nothing was written" in foreseen["text"]


def test_it_names_the_dataset_that_would_be_replaced(corpus, dataset, capsys):
    before = sorted(path.stat().st_mtime_ns for path in dataset.iterdir())
    assert cli.main(["prepare", str(corpus), "--out", str(dataset), "--dry-run"]) == 0
    assert "holds the dataset" in capsys.readouterr().out
    assert sorted(path.stat().st_mtime_ns for path in dataset.iterdir()) == before
