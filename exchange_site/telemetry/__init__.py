"""What leaves the installation for tools outside, only where a setting says so: errors to Sentry, traces over OTLP.

Neither library is imported without its setting. Nothing of a request but its method, path and answer goes out.
"""
