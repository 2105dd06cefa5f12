"""What the model sees of an order: the same numbers, by the same formulas, as src/signals.rs and src/profile.rs.

A test compares both, order by order. Whoever changes one changes the other.
"""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field

NAMES = ["velocity_1h", "velocity_24h", "amount", "deviation", "quantity", "disposable_domain", "country", "history"]

HOUR_MS = 3_600_000
ENOUGH_HISTORY = 5  # orders that a user must have before his own history says anything
MAX_RECENT = 50  # times that are kept of a user
MAX_CENTS = 1_000_000_000  # an amount above this counts as this
SPREAD_CENTS = 100.0  # the least deviation that is believed


@dataclass
class History:
    """What is known of a user before an order. Whole numbers, so that nothing depends on the order of addition."""

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
        """Orders come here in the order of their times, so those that lie in one window with this one lie before it."""
        return min(sum(1 for time in self.times[-MAX_RECENT:] if now_ms - time <= hours * HOUR_MS), MAX_RECENT)

    def deviations(self, cents: int) -> float:
        if self.orders < ENOUGH_HISTORY:
            return 0.0
        mean = self.cents / self.orders
        deviation = math.sqrt(self.orders * self.squares - self.cents**2) / self.orders
        return (cents - mean) / max(deviation, mean / 10.0, SPREAD_CENTS)


def features(order, history: History, disposable: set[str]) -> list[float]:
    """One number for each of NAMES."""
    cents = min(order.cents, MAX_CENTS)
    known = history.orders >= ENOUGH_HISTORY
    return [
        math.log1p(history.placed_within(1, order.placed_ms)),
        math.log1p(history.placed_within(24, order.placed_ms)),
        math.log1p(cents / 100.0),
        min(max(history.deviations(cents), -3.0), 10.0),
        math.log(order.max_quantity),
        float(is_disposable(order.email_domain, disposable)),
        float(known and history.countries[order.country] * 10 < history.orders),
        math.log1p(min(history.orders, MAX_RECENT)),
    ]


def is_disposable(domain: str, disposable: set[str]) -> bool:
    """The domain or one that it lies under."""
    labels = domain.lower().split(".")
    return any(".".join(labels[start:]) in disposable for start in range(len(labels)))


def replay(orders, disposable: set[str]) -> list[list[float]]:
    """The features of each order, given those of its user before it. The orders must be sorted by time."""
    histories: dict[str, History] = defaultdict(History)
    rows = []
    for order in orders:
        rows.append(features(order, histories[order.user_id], disposable))
        histories[order.user_id].add(order)
    return rows
