from django.urls import path

from trading.pages import fees, history, markets, order, orders, proof, statements, takeout, trade

urlpatterns = [
    path("markets", markets.markets, name="markets"),
    path("fees", fees.fees, name="fees"),
    path("proof", proof.proof, name="proof"),
    path("proof/mine.json", proof.mine, name="proof_mine"),
    path("history", history.history, name="history"),
    path("history/<str:kind>.csv", history.history_csv, name="history_csv"),
    path("history/<str:kind>", history.history, name="history_kind"),
    path("statements", statements.statements, name="statements"),
    path("statements/<int:year>", statements.statements, name="statement"),
    path("statements/<int:year>/<str:name>.csv", statements.statement_csv, name="statement_csv"),
    path("account/archive", takeout.takeouts, name="takeout"),
    path("account/archive/<int:pk>.zip", takeout.download, name="takeout_download"),
    path("trade", trade.first_market, name="trade_home"),
    path("trade/<str:symbol>", trade.trade, name="trade"),
    path("trade/<str:symbol>/state", trade.state, name="trade_state"),
    path("orders/<int:order_id>", order.detail, name="order"),
    path("trade/<str:symbol>/review", orders.review, name="trade_review"),
    path("trade/<str:symbol>/order", orders.place, name="trade_place"),
    path("trade/<str:symbol>/amend", orders.amend, name="trade_amend"),
    path("trade/<str:symbol>/cancel-all", orders.cancel_all, name="trade_cancel_all"),
    path("trade/<str:symbol>/cancel", orders.cancel, name="trade_cancel"),
]
