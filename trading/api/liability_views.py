"""Proofs of liabilities over the API (docs/liabilities.md): what is published for everybody, and the account's part."""

from rest_framework.request import Request
from rest_framework.response import Response

from exchange_site.kernel.api_view import PrivateView, PublicView
from exchange_site.kernel.errors import RESOURCE_NOT_FOUND, ApiError
from marketdata.api import params
from matching.messages import MAX_INT
from trading.liabilities import selectors
from trading.liabilities.paths import PathsGone, proof_of


class Liabilities(PublicView):
    """Newest first; older ones with `before`."""

    def get(self, request: Request) -> Response:
        query = self.query()
        limit, before = params.limit(query), params.whole(query, "before", most=MAX_INT)
        return self.answer([selectors.plain(proof) for proof in selectors.newest(limit, before)])


class OwnProof(PrivateView):
    """The file that the verifiers read."""

    def get(self, request: Request) -> Response:
        proof = selectors.one(params.whole(self.query(), "n", most=MAX_INT))
        if proof is None:
            raise ApiError(RESOURCE_NOT_FOUND, "There is no proof of liabilities at this outcome")
        try:
            return self.answer(proof_of(request.user.account_id, proof))
        except PathsGone:
            raise ApiError(RESOURCE_NOT_FOUND, "The paths of this proof are not kept any more") from None
