"""Invented orders for training as long as there are no real ones.

Nothing here was measured. Every figure is a guess about a shop like the one in infra/catalog.json, documented so that it can
be discussed. A model learns the relations between these guesses from it, not what fraud looks like in a real shop. Its AUC is
the AUC on these guesses.

Honest accounts
* How many orders: 1 and a geometric number with mean 8. Many buy once, few buy for years.
* When: gaps are exponential with a mean of 24 days (nothing connects one order with the next), but 7 in 100 orders are
  followed by another within the hour ("I forgot the filters") and 5 in 100 by another on the same day.
* How much: log-normal around the account's own level, itself log-normal around 55 USD: amounts are products of many small
  causes, never negative, with a long tail. 3 in 100 orders are treats of four times the level.
* How many of one thing: 1 and a geometric number with mean 0.6; 2 in 100 accounts are offices that buy 10 to 60.
* Where to: home (84 in 100 US), but 2 in 100 orders are gifts to another country.
* E-mail: 1 in 100 accounts uses a disposable address for other reasons.

Fraud, of three kinds
* Disposable accounts (25 in 1000): opened for one series of 1 to 12 orders, minutes apart, above the usual amount, half of them
  with a disposable address, a third of them shipped abroad.
* Taken-over accounts (30 in 1000): an honest account of five orders or more, at whose end 1 to 6 orders are placed within
  minutes, three to eight times its level, half of them to another country.
* Bulk abuse (20 in 1000): a new or known account that takes 40 to 400 of one thing, once or twice.

Labels contain errors as real ones do: 4 in 100 frauds are never disputed (label 0), and 1 in 1000 honest orders is (label 1).
"""

import math
from dataclasses import dataclass
from random import Random
from statistics import NormalDist

BEGIN_MS = 1_609_459_200_000  # 2021-01-01T00:00:00Z
SPAN_MS = 500 * 86_400_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
COUNTRIES = [("US", 0.84), ("CA", 0.06), ("GB", 0.05), ("DE", 0.03), ("AU", 0.02)]
DISPOSABLE_DOMAIN = "mailinator.com"  # one is enough: the model only knows whether a domain is on the list
ABROAD = ["BR", "GB", "NG", "MX", "PL", "SG", "TR", "CA"]


@dataclass
class Order:
    """One line of the training file."""

    order_id: str
    user_id: str
    placed_ms: int
    email_domain: str
    country: str
    cents: int
    max_quantity: int
    fraud: int


class Draws:
    """Random draws made only of uniform numbers. Python guarantees that these are the same for a seed in every version."""

    def __init__(self, seed: int):
        self.uniform = Random(seed).random

    def chance(self, share: float) -> bool:
        return self.uniform() < share

    def exponential(self, mean: float) -> float:
        return -mean * math.log(1.0 - self.uniform())

    def geometric(self, mean: float) -> int:
        return int(math.log(1.0 - self.uniform()) / math.log(mean / (1.0 + mean)))

    def log_normal(self, median: float, deviation: float) -> float:
        return median * math.exp(deviation * NormalDist().inv_cdf(max(self.uniform(), 1e-12)))

    def between(self, least: int, most: int) -> int:
        return least + int(self.uniform() * (most - least + 1))

    def one_of(self, values: list) -> str:
        return values[int(self.uniform() * len(values))]

    def weighted(self, values: list) -> str:
        left = self.uniform()
        for value, share in values:
            left -= share
            if left < 0:
                return value
        return values[0][0]


class Account:
    """An account that places orders."""

    def __init__(self, draws: Draws, number: int, disposable_share: float):
        self.draws = draws
        self.user_id = f"usr_{number:05}"
        self.domain = DISPOSABLE_DOMAIN if draws.chance(disposable_share) else "example.com"
        self.home = draws.weighted(COUNTRIES)
        self.level = draws.log_normal(55.0, 0.55)
        self.office = draws.chance(0.02)
        self.now = BEGIN_MS + int(draws.uniform() * SPAN_MS)
        self.orders: list[Order] = []

    def place(self, gap_ms: float, dollars: float, quantity: int, country: str, fraud: bool) -> None:
        self.now += max(1000, int(gap_ms))
        label = int(fraud) if not self.draws.chance(0.04 if fraud else 0.001) else int(not fraud)
        cents = max(99, round(dollars * 100))
        order_id = f"ord_{self.user_id[4:]}_{len(self.orders):03}"
        self.orders.append(Order(order_id, self.user_id, self.now, self.domain, country, cents, quantity, label))

    def place_honest_orders(self, orders: int) -> None:
        draws = self.draws
        for _ in range(orders):
            kind = draws.uniform()
            gap = draws.exponential(HOUR / 3 if kind < 0.07 else 8 * HOUR if kind < 0.12 else 24 * DAY)
            treat = 4.0 if draws.chance(0.03) else 1.0
            quantity = draws.between(10, 60) if self.office and draws.chance(0.5) else 1 + draws.geometric(0.6)
            country = draws.one_of(ABROAD) if draws.chance(0.02) else self.home
            self.place(gap, draws.log_normal(self.level * treat, 0.45), quantity, country, False)

    def place_fraud_series(self, orders: int, times: float, abroad: float) -> None:
        draws = self.draws
        country = draws.one_of(ABROAD) if draws.chance(abroad) else self.home
        for place in range(orders):
            gap = draws.exponential(6 * MINUTE if place else 9 * DAY)
            self.place(gap, draws.log_normal(self.level * times, 0.6), 1 + draws.geometric(1.5), country, True)

    def place_bulk_orders(self, orders: int) -> None:
        draws = self.draws
        for _ in range(orders):
            amount = draws.log_normal(self.level * 6.0, 0.6)
            self.place(draws.exponential(2 * DAY), amount, draws.between(40, 400), self.home, True)


def generate(seed: int, accounts: int = 2000) -> list[Order]:
    """About 18 000 orders, of which about 3 in 100 are fraud. The same seed gives the same orders."""
    draws = Draws(seed)
    orders: list[Order] = []
    for number in range(accounts):
        kind = draws.uniform()
        account = Account(draws, number, 0.5 if kind < 0.025 else 0.01)
        if kind < 0.025:
            account.place_fraud_series(draws.between(1, 12), 3.5, 0.33)
        elif kind < 0.055:
            account.place_honest_orders(5 + draws.geometric(8.0))
            account.place_fraud_series(draws.between(1, 6), 3.0 + 5.0 * draws.uniform(), 0.5)
        elif kind < 0.075:
            account.place_honest_orders(draws.geometric(3.0))
            account.place_bulk_orders(draws.between(1, 2))
        else:
            account.place_honest_orders(1 + draws.geometric(8.0))
        orders.extend(account.orders)
    return sorted(orders, key=lambda order: (order.placed_ms, order.order_id))
