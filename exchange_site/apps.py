from django.apps import AppConfig


class ExchangeSiteConfig(AppConfig):
    name = "exchange_site"
    verbose_name = "Site"

    def ready(self) -> None:
        # Tasks sent from any Django process need the configured application. Not in the package's __init__: the
        # launcher imports this package before anything is installed.
        from exchange_site import celery  # noqa: F401
        from exchange_site.ops import looking  # noqa: F401 - connects the receivers
        from exchange_site.telemetry import errors, traces

        errors.start()
        traces.watch_celery()
