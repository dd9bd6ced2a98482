# sluice in a container: non-root, fine with a read-only root, stopped by SIGTERM (it drains).
#
#     docker build -t sluice .
#     docker run --read-only -p 8080:8080 -e OPENAI_API_KEY sluice
#     docker run --read-only -p 8080:8080 -v ./sluice.yaml:/etc/sluice/sluice.yaml:ro \
#         sluice -c /etc/sluice/sluice.yaml
#
# tests/debian13 reads and runs these steps where there is no container engine. It knows FROM,
# WORKDIR, COPY of one path, RUN, USER, EXPOSE, HEALTHCHECK and ENTRYPOINT.

FROM debian:trixie-slim AS build
WORKDIR /src
COPY deps deps
RUN deps/setup build
COPY . .
RUN make && install -D -s build/sluice /out/sluice

FROM debian:trixie-slim
# What is not linked statically (ldd build/sluice), and the certificates of the providers' CAs.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libcurl4t64 libyyjson0 \
    && rm -rf /var/lib/apt/lists/*
# For `state.path`; a volume belongs here when it is used.
RUN install -d -o 65532 -g 65532 /var/lib/sluice
COPY --from=build /out/sluice /usr/local/bin/sluice
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s CMD ["sluice", "healthcheck"]
ENTRYPOINT ["sluice"]
