"""The result of a load as text."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import ceil, floor, log2

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hamms_trio.cli.load.tables import fit, open_console, plain_table
from hamms_trio.load.result import Result, Spread
from hamms_trio.load.run import EndedBy

BAR_CELLS = 40
CLASSES = 24  # the most lines of the histogram
SHOWN_PERCENTS = (50.0, 90.0, 95.0, 99.0, 99.9)
# A narrow terminal loses the last of these columns first.
IMPORTANT = ("p50", "p99", "max", "mean", "p95", "p99.9", "min", "p90", "stddev")
REDIRECTS = frozenset((301, 302, 303, 307, 308))
NEARLY_ALL = 0.95  # share of a processor from which on the generator may be the slow side
LONG_ENOUGH = 0.5  # seconds after which that share means something

_ENDINGS = {
    EndedBy.DURATION: "ran for its whole duration",
    EndedBy.REQUESTS: "made all its requests",
    EndedBy.INTERRUPT: "was interrupted",
    EndedBy.UNREACHABLE: "could not connect",
}


def show(result: Result) -> None:
    """Print the whole report to standard output."""
    console = open_console()
    console.print(Text("\n".join(_lines(result))))
    if result.latency is not None:
        console.print()
        console.print(_numbers(result.latency, result.service, console))
        console.print()
        console.print(_picture(result.latency, console))
    for remark in _remarks(result):
        console.print(Text(f"note: {remark}"), style="yellow")


def why_silent(result: Result) -> str:
    """Explain in one line why there is no answer at all."""
    details = result.tally.details
    if not result.requests:
        return f"{result.address} received no request that counts"
    reasons = "; ".join(f"{failure}: {words}" for failure, words in details.items())
    return f"{result.address} answered nothing" + (f" ({reasons})" if reasons else "")


def _lines(result: Result) -> list[str]:
    plan, tally, connections = result.plan, result.tally, result.tally.connections
    kept = "kept connections" if plan.keepalive else "a connection for each request"
    depth = f", {plan.pipeline_depth} requests at once on each" if plan.pipeline_depth > 1 else ""
    pace = "closed loop" if plan.rate is None else f"{plan.rate:,.10g} requests/s"
    lines = [
        f"{result.method} {result.url} at {result.address}",
        f"{plan.concurrency} clients, {kept}{depth}, {pace}; the load {_ENDINGS[result.ended_by]}",
        "",
        f"requests     {result.requests:,} in {result.outcome.window:.2f} s: {tally.answered:,} answered, "
        f"{result.errors:,} errors ({result.error_rate:.2%})",
        f"throughput   {result.rps:,.1f} answers/s",
        f"octets       {tally.octets_sent:,} sent, {tally.octets_received:,} received",
        f"connections  {connections.opened:,} opened, {connections.failed:,} failed, "
        f"{connections.reopened:,} reconnects",
    ]
    lines += [f"status {status}   {count:,}" for status, count in sorted(tally.statuses.items())]
    for failure, count in tally.failures.items():
        details = tally.details.get(failure)
        lines.append(f"{failure:12} {count:,}" + (f"   ({details})" if details else ""))
    return lines


def _numbers(latency: Spread, service: Spread | None, console: Console) -> Table:
    """Lay out the latencies, with as many of the columns as fit, the important ones first."""
    shown = {"latency": latency, **({} if service is None else {"service": service})}
    rows = {name: _columns(spread) for name, spread in shown.items()}

    def build(columns: Collection[str]) -> Table:
        table = plain_table()
        table.add_column("ms", style="bold")
        kept = [name for name in rows["latency"] if name in columns]
        for name in kept:
            table.add_column(name, justify="right")
        for name, numbers in rows.items():
            table.add_row(name, *(numbers[column] for column in kept))
        return table

    counts = range(len(IMPORTANT), 0, -1)
    return fit(console, (build(IMPORTANT[:count]) for count in counts))


def _columns(spread: Spread) -> dict[str, str]:
    seconds = {"min": spread.minimum, "mean": spread.mean, "stddev": spread.stddev}
    seconds |= {f"p{percent:g}": spread.percentiles[percent] for percent in SHOWN_PERCENTS}
    return {name: _ms(value) for name, value in {**seconds, "max": spread.maximum}.items()}


def _picture(spread: Spread, console: Console) -> Text:
    """Draw a histogram of the latencies, in classes that grow by the same factor."""
    block = "\u2588" if console.encoding.lower().startswith("utf") else "#"
    classes = _classes(spread)
    most = max(count for _, count in classes)
    limits = [f"< {_ms(below)} ms" for below, _ in classes]
    widths = max(map(len, limits)), len(f"{most:,}")
    cells = min(BAR_CELLS, console.width - sum(widths) - 4)
    picture = Text()
    for limit, (_, count) in zip(limits, classes, strict=True):
        bar = "  " + block * ceil(count / most * cells) if count and cells > 0 else ""
        picture.append(f"{limit:>{widths[0]}}  {count:>{widths[1]},}").append(f"{bar}\n", "cyan")
    picture.rstrip()
    return picture


def _classes(spread: Spread) -> list[tuple[float, int]]:
    """List the classes from the first to the last, empty ones included: the upper limit and the count."""
    shortest = max(spread.counts[0][0], 1e-6)
    longest = max(spread.counts[-1][0], shortest)
    per_doubling = 4
    while (log2(longest / shortest) + 1) * per_doubling > CLASSES and per_doubling > 1:
        per_doubling //= 2
    classes: dict[int, int] = {}
    for seconds, count in spread.counts:
        number = floor(log2(max(seconds, shortest)) * per_doubling)
        classes[number] = classes.get(number, 0) + count
    numbers = range(min(classes), max(classes) + 1)
    return [(2 ** ((number + 1) / per_doubling), classes.get(number, 0)) for number in numbers]


def _remarks(result: Result) -> Iterator[str]:
    if result.latency is not None:
        if result.plan.rate is None:
            yield "in a closed loop a slow answer delays the next request; see --rate"
        else:
            yield "latency counts from the intended start of a request, service from its real start"
    redirects = sum(count for status, count in result.tally.statuses.items() if status in REDIRECTS)
    if redirects:
        yield f"{redirects:,} answers were redirects, which load does not follow"
    connections = result.tally.connections
    for count, what in (
        (connections.surplus, "connections carried octets that belong to no response"),
        (connections.resent, "requests were sent again after the server closed a connection"),
        (connections.closed_idle, "connections were closed by the server between requests"),
    ):
        if count:
            yield f"{count:,} {what}"
    if result.elapsed > LONG_ENOUGH and result.cpu / result.elapsed > NEARLY_ALL:
        doubt = (
            "the server may be faster than this result"
            if result.plan.rate is None
            else "some of the latency may be the generator's"
        )
        yield f"the generator used a whole processor: {doubt}"


def _ms(seconds: float) -> str:
    ms = seconds * 1000
    return f"{ms:.3f}" if ms < 10 else f"{ms:.1f}" if ms < 1000 else f"{ms:,.0f}"
