"""Keep every elastic IP of an Alibaba Cloud ECS instance working, from inside the guest, and explain it.

One pass is: facts -> verdicts -> desired items -> plan -> result -> verified by looking again -> report.

Who may import whom (enforced by `tests/test_architecture.py`)::

    core  <-  errors  <-  sources | sinks | render  <-  reconcile  <-  cli
                          (never each other)

`core` is pure: plain values in, plain values out.  `sources` read, `sinks` write, `render` says.
`lab` is a simulated cloud made of network namespaces; the agent never imports it, only `eip-agent demo` does.
"""

__version__ = "0.1.0"
