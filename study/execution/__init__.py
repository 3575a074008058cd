"""Execution of studies: training of planned trials with Ray Tune, stage by stage."""
