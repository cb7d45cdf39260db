# The exact versions of requirements/lock.txt, and the workflow; figures go to the mounted folders:
#   docker build -t modecollapse .
#   docker run --rm -v "$PWD/results:/modecollapse/results" -v "$PWD/figures:/modecollapse/figures" modecollapse
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends make=4.3-4.1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /modecollapse
COPY requirements/lock.txt requirements/
RUN pip install --no-cache-dir -r requirements/lock.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

# Nobody in particular may run it: caches go where anybody can write.
ENV XDG_CACHE_HOME=/tmp/cache
CMD ["snakemake", "--cores", "all"]
