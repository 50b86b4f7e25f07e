"""Whatever the engine refuses for, its caller gets a stable code, a sentence and a status."""

import pytest

from matching.messages import RefusalReason, Refused
from trading.services.orders import refused


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_every_refusal_of_the_engine_is_an_error_of_the_api(reason):
    error = refused(Refused(reason=reason, order_id=7))
    assert error.status in {400, 404, 409, 500, 503}
    assert error.status != 500 or reason is RefusalReason.INTERNAL
    body = error.body()
    assert body["message"]
    assert body["message"] != body["code"]
    if error.status == 503:
        assert body["executed"] is False
        assert error.headers["Retry-After"]
