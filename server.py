"""`python server.py`: the server, until a signal ends it."""

from __future__ import annotations

from app.process_end import end_process
from app.serve import main

if __name__ == "__main__":
    end_process(main())
