"""Experiments: arms, pipelines, statistics: what claims and lessons both stand on."""
