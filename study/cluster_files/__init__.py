"""Files that run a study on a cluster: a Slurm batch script, a KubeRay RayJob, a cluster file of Ray's launcher."""
