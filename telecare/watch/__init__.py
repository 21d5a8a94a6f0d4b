"""Who watches the service: what waits and for how long, the canary that goes the whole way, the watchdog outside."""
