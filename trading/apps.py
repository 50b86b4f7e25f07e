from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "trading"
    verbose_name = "Trading"

    def ready(self) -> None:
        from marketdata import halt
        from trading.venue import kill_switch

        halt.tell_from(kill_switch)
