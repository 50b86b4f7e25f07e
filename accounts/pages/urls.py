from django.urls import path

from accounts.pages import views

urlpatterns = [
    path("wallet", views.wallet, name="wallet"),
    path("wallet/faucet", views.faucet, name="faucet"),
    path("account", views.account, name="account"),
]
