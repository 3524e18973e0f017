# Stands in for the official Python image where no registry can be reached.
FROM debian:trixie-slim
# hadolint ignore=DL3008
RUN apt-get update -q \
 && apt-get install -qy --no-install-recommends python3 python3-pip python3-venv \
 && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED \
 && ln -s /usr/bin/python3 /usr/local/bin/python \
 && ln -s /usr/bin/pip3 /usr/local/bin/pip
CMD ["python3"]
