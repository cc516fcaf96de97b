"""`python -m eip_agent`."""

from eip_agent.cli import main

raise SystemExit(main())
