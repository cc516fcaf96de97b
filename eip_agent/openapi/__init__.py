"""Asking the OpenAPI, in a process of its own: `python -m eip_agent.openapi`, a JSON request in, a JSON answer out.

Alibaba's libraries for signing and credentials take 50 MB and a third of a second to import.  So the agent starts this
for one query round at a time (`eip_agent.sources.openapi`) and imports nothing of it.
"""
