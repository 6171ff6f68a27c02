"""The measurements behind the project's figures; `scripts/bench.sh` runs them."""
