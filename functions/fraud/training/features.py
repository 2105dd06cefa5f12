"""The features of an order, by the same formulas as in src/signals.rs, src/profile.rs and src/model.rs.

A test compares both for each order. Change them together.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

NAMES = ["velocity_1h", "velocity_24h", "amount", "deviation", "quantity", "disposable_domain", "country", "history"]

HOUR_MS = 3_600_000
MIN_HISTORY_ORDERS = 5  # the number of orders from which on a user's history is used
MAX_RECENT_ORDERS = 50  # the maximum number of times kept per user
MAX_CENTS = 1_000_000_000  # larger amounts count as this
MIN_DEVIATION_CENTS = 100.0  # the minimum standard deviation


@dataclass
class History:
    """The history of a user before an order. Integers, so that sums do not depend on the order of addition."""

    orders: int = 0
    cents: int = 0
    squares: int = 0
    times: list[int] = field(default_factory=list)
    countries: Counter = field(default_factory=Counter)

    def add(self, order) -> None:
        cents = min(order.cents, MAX_CENTS)
        self.orders += 1
        self.cents += cents
        self.squares += cents * cents
        self.times.append(order.placed_ms)
        self.countries[order.country] += 1

    def placed_within(self, hours: int, now_ms: int) -> int:
        """Counts earlier orders. Orders are sorted by time here, so all others in the same window are before this one."""
        return min(sum(1 for time in self.times[-MAX_RECENT_ORDERS:] if now_ms - time <= hours * HOUR_MS), MAX_RECENT_ORDERS)

    def deviations(self, cents: int) -> float:
        if self.orders < MIN_HISTORY_ORDERS:
            return 0.0
        mean = self.cents / self.orders
        deviation = math.sqrt(self.orders * self.squares - self.cents**2) / self.orders
        return (cents - mean) / max(deviation, mean / 10.0, MIN_DEVIATION_CENTS)


def features(order, history: History, disposable: set[str]) -> list[float]:
    """One number for each of NAMES."""
    cents = min(order.cents, MAX_CENTS)
    known = history.orders >= MIN_HISTORY_ORDERS
    return [
        math.log1p(history.placed_within(1, order.placed_ms)),
        math.log1p(history.placed_within(24, order.placed_ms)),
        math.log1p(cents / 100.0),
        min(max(history.deviations(cents), -3.0), 10.0),
        math.log(order.max_quantity),
        float(is_disposable(order.email_domain, disposable)),
        float(known and history.countries[order.country] * 10 < history.orders),
        math.log1p(min(history.orders, MAX_RECENT_ORDERS)),
    ]


def is_disposable(domain: str, disposable: set[str]) -> bool:
    """Whether the domain or one of its parent domains is on the list."""
    labels = domain.lower().split(".")
    return any(".".join(labels[start:]) in disposable for start in range(len(labels)))


def replay(orders, disposable: set[str]) -> list[list[float]]:
    """The features of each order, given the earlier orders of its user. The orders must be sorted by time."""
    histories: dict[str, History] = defaultdict(History)
    rows = []
    for order in orders:
        rows.append(features(order, histories[order.user_id], disposable))
        histories[order.user_id].add(order)
    return rows
