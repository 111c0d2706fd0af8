# Built from the project's root: docker build -f deploy/images/gpu-worker.Dockerfile -t kindred-gpu-worker .
# The PyTorch wheel brings its own CUDA libraries; the node needs the NVIDIA driver and container toolkit for a GPU.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir uv
COPY apps/gpu-worker/requirements.lock apps/gpu-worker/
RUN /venv/bin/uv pip install --python /venv/bin/python --no-cache -r apps/gpu-worker/requirements.lock
COPY apps/gpu-worker apps/gpu-worker
COPY libs/contracts/proto libs/contracts/proto
RUN /venv/bin/python apps/gpu-worker/gen.py

FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /src/apps/gpu-worker/kindred_worker kindred_worker
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 9090
ENTRYPOINT ["/venv/bin/python", "-m", "kindred_worker"]
CMD ["--role", "score", "--host", "0.0.0.0", "--port", "9090"]
