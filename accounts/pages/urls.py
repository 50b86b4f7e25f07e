from django.urls import path

from accounts.factor_reset.pages import objection
from accounts.pages import favourites, keys, portfolio, security, simulated, views, wallet

urlpatterns = [
    path("wallet", views.wallet, name="wallet"),
    path("wallet/faucet", views.faucet, name="faucet"),
    path("wallet/deposit", wallet.deposit, name="wallet_deposit"),
    path("wallet/withdraw", wallet.withdraw, name="wallet_withdraw"),
    path("wallet/addresses", wallet.book, name="wallet_addresses"),
    path("wallet/addresses/<int:pk>/remove", wallet.remove_address, name="wallet_address_remove"),
    path("wallet/withdrawals/<int:pk>", wallet.one_withdrawal, name="withdrawal"),
    path("wallet/withdrawals/<int:pk>/cancel", wallet.cancel, name="withdrawal_cancel"),
    path("wallet/withdrawals/<int:pk>/confirm/<str:token>", wallet.confirm, name="withdrawal_confirm"),
    path("wallet/simulated", simulated.page, name="simulated_chains"),
    path("favourites/<str:symbol>", favourites.favourite, name="favourite"),
    path("portfolio", portfolio.portfolio, name="portfolio"),
    path("account", views.account, name="account"),
    path("account/security", security.security, name="security"),
    path("account/second-factor-reset/<int:pk>/<str:token>", objection, name="second_factor_reset"),
    path("account/sessions/<int:pk>/end", security.end_session, name="session_end"),
    path("account/sessions/end-others", security.end_others, name="sessions_end_others"),
    path("account/keys", keys.keys, name="api_keys"),
    path("account/keys/<int:pk>/revoke", keys.revoke, name="api_key_revoke"),
]
