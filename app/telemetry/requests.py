"""Keeps the record of each request, and tells log, meter and trace when it has ended."""

from __future__ import annotations

from collections.abc import Mapping

from app.request_record import Outcome, RequestRecord, Value
from app.telemetry.meter import NO_ROUTE, Meter
from app.telemetry.recent import RecentRequests
from app.telemetry.tracing import Tracing


class Requests:
    """Begins and ends the records of requests, for every front end.

    Attributes:
        recent: remembers the last of them.

    Args:
        tracing: shows requests as traces; None does not.
    """

    def __init__(self, meter: Meter, tracing: Tracing | None) -> None:
        self._meter = meter
        self._tracing = tracing
        self.recent = RecentRequests()

    def begin(self, request_id: str, headers: Mapping[str, str]) -> RequestRecord:
        """Make the record of a request.

        Args:
            headers: by their names in small letters, such as `traceparent`.
        """
        trace = None if self._tracing is None else self._tracing.begin(headers)
        return RequestRecord(request_id, trace=trace)

    def end(
        self,
        record: RequestRecord,
        method: str,
        route: str | None,
        how: Outcome,
        *,
        code: int | None = None,
        shown: tuple[str, str],
    ) -> None:
        """Tell that a request has ended.

        Args:
            route: the template of what was called; None if nothing is there.
            code: the status of the answer, if there is one.
            shown: what the log has in the places of route and outcome.
        """
        record.log(method, *shown)
        self._meter.request_ended(record, method, route, code, how)
        self.recent.ended(record, method, route or NO_ROUTE, code, how)
        if record.trace is not None:
            name = method if route is None else f"{method} {route}"
            fields: dict[str, Value] = {
                "request_id": record.request_id,
                "outcome": how,
                **record.fields(),
                "http.request.method": method,
            }
            if route is not None:
                fields["http.route"] = route
            if record.reason is not None:
                fields["error.type"] = record.reason
            if code is not None:
                fields["http.response.status_code"] = code
            record.trace.end(name, fields, failed=how == "broken off" or (code or 0) >= 500)
