"""Settings to uvicorn, nothing else."""
