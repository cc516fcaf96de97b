"""The daemon that keeps the instance as it should be: `eip-agent run`.

::

    netlink events ─┐                                  ┌─► journal of the system, one line a change
    timers         ─┤                 one pass         ├─► systemd: ready, status, watchdog
    SIGHUP         ─┼─► loop ─► look ─► plan ─► write ─┤
    control socket ─┤     ▲                            ├─► metrics
    a thread that asks    │                            └─► who asked at the control socket
    the cloud ────────────┘ what it said

Whatever happens only says "look": what is to be done is concluded from what there is, every time.  Only `loop` decides
when; `eip_agent.core.pace` and `eip_agent.core.fight` say how that is reckoned.
"""
