"""The benchmarks, run by `scripts/bench.sh`."""
