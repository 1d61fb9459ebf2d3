#!/bin/sh
# Show what works today.
set -eu

echo "demo: protection has not landed yet; what exists is the CPU and the floor it stands on"
exec make bench BENCH_ARGS=--quick
