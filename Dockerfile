# One image for Dataflow's workers, for workers of Flink and others, and for training:
#
#   docker build --tag luthier .
#   docker run luthier luthier train --data gs://BUCKET/data --out gs://BUCKET/model
#
# Arguments that begin with `--` come from a Beam runner and go to Beam's own starter.

FROM apache/beam_python3.11_sdk:2.77.0 AS beam

FROM python:3.11-slim

# Beam's starter, with its licences.
COPY --from=beam /opt/apache/beam /opt/apache/beam

ENV PYTHONUNBUFFERED=1 \
    TF_CPP_MIN_LOG_LEVEL=3 \
    TF_USE_LEGACY_KERAS=1

WORKDIR /opt/luthier
COPY LICENSE README.md constraints.txt pyproject.toml setup.py ./
COPY configs configs
COPY ddsp_core ddsp_core
COPY pipelines pipelines
COPY training training
RUN pip install --no-cache-dir --constraint constraints.txt '.[gcp]' \
    && python -c 'import apache_beam, tensorflow, pipelines.transforms'

COPY docker/entrypoint.sh /opt/luthier/entrypoint.sh
WORKDIR /work
ENTRYPOINT ["sh", "/opt/luthier/entrypoint.sh"]
