#!/usr/bin/env python3
"""Fits the fraud model and writes it to model.json, with examples for a test that compares Rust with Python.

    python3 functions/fraud/training/train.py                   # on invented orders (synthetic.py), as checked in
    python3 functions/fraud/training/train.py --data own.csv    # on your own orders
    python3 functions/fraud/training/train.py --write-data invented.csv

Needs Python 3.10 and no packages. The same data give the same file, byte for byte: the fit is convex and runs until it converges,
random draws use only uniform numbers, and values are rounded to far fewer digits than floating-point sums have.

The data are a CSV file with these columns, in any order of lines and columns:

    order_id, user_id   any text
    placed_at           RFC 3339, UTC, such as 2026-05-26T14:23:01.250Z
    email_domain        the part after the @, not the whole address
    country             the shipping country, ISO 3166-1, such as US
    total_usd           such as 89.50
    max_quantity        pieces in the largest line
    fraud               1 if it turned out to be fraud, else 0

Provide complete histories, honest orders included: a user's profile is computed from the earlier lines. Accounts, not orders, are
held out (30 in 100, drawn by the seed), so that the model is not tested on accounts that it was trained on.
"""

import argparse
import csv
import json
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from random import Random

sys.dont_write_bytecode = True  # leave no __pycache__ in the source tree
from features import NAMES, replay  # noqa: E402
from fit import DIGITS, auc, fit, moments, standardised  # noqa: E402
from synthetic import Order, generate  # noqa: E402

TRAINING = Path(__file__).resolve().parent
SEED = 20261121
HELD_OUT = 0.3
COLUMNS = ["order_id", "user_id", "placed_at", "email_domain", "country", "total_usd", "max_quantity", "fraud"]
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def disposable_domains() -> list[str]:
    lines = (TRAINING.parent / "src/disposable_domains.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read(path: str) -> list[Order]:
    """The orders of a CSV file, by time."""
    orders = []
    with open(path, newline="", encoding="utf-8") as file:
        for place, line in enumerate(csv.DictReader(file), start=2):
            try:
                placed = datetime.fromisoformat(line["placed_at"].replace("Z", "+00:00"))
                cents = int((Decimal(line["total_usd"]) * 100).to_integral_exact())
                quantity, fraud = int(line["max_quantity"]), int(line["fraud"])
                if quantity < 1 or cents < 0 or fraud not in (0, 1):
                    raise ValueError("max_quantity from 1, total_usd from 0, fraud 0 or 1")
                placed_ms = (placed - EPOCH) // timedelta(milliseconds=1)
                domain, country = line["email_domain"], line["country"]
                orders.append(Order(line["order_id"], line["user_id"], placed_ms, domain, country, cents, quantity, fraud))
            except (KeyError, TypeError, ValueError, ArithmeticError) as error:
                sys.exit(f"{path}, line {place}: {type(error).__name__}: {error}")
    return sorted(orders, key=lambda order: (order.placed_ms, order.order_id))


def columns(order: Order) -> list:
    placed = (EPOCH + timedelta(milliseconds=order.placed_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    dollars = f"{order.cents // 100}.{order.cents % 100:02}"
    return [order.order_id, order.user_id, placed, order.email_domain, order.country, dollars, order.max_quantity, order.fraud]


def write_csv(path, header: list[str], rows) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def log_odds(model: dict, row: list[float]) -> float:
    """Computed as in src/model.rs, from the rounded numbers in the file."""
    parts = [f["weight"] * ((value - f["mean"]) / f["deviation"]) for f, value in zip(model["features"], row)]
    return model["intercept"] + sum(parts)


def split(orders: list[Order], rows: list[list[float]]):
    """Splits the orders by account into those to train on and those held out."""
    draw = Random(SEED).random
    held_out = {user for user in sorted({order.user_id for order in orders}) if draw() < HELD_OUT}
    pairs = list(zip(orders, rows))
    return [p for p in pairs if p[0].user_id not in held_out], [p for p in pairs if p[0].user_id in held_out]


def train(orders: list[Order], data: str) -> tuple[dict, list]:
    """The contents of the model file, and the held-out orders."""
    known, held_out = split(orders, replay(orders, set(disposable_domains())))
    for name, part in [("to train on", known), ("held out", held_out)]:
        frauds = sum(order.fraud for order, _ in part)
        if not 10 <= frauds <= len(part) - 10:
            sys.exit(f"{frauds} frauds in {len(part)} orders {name}: too few of either kind to train or to test with")
    scales = moments([row for _, row in known])
    intercept, *weights = fit([standardised(row, scales) for _, row in known], [order.fraud for order, _ in known])
    features = [
        {"name": name, "mean": mean, "deviation": deviation, "weight": round(weight, DIGITS)}
        for name, (mean, deviation), weight in zip(NAMES, scales, weights)
    ]
    learned = {"intercept": round(intercept, DIGITS), "features": features}
    labels = [order.fraud for order, _ in held_out]
    share = auc([log_odds(learned, row) for _, row in held_out], labels)
    model = {
        "version": sha256(json.dumps(learned).encode()).hexdigest()[:8],
        "data": data,
        "trained_on": {"orders": len(known), "frauds": sum(order.fraud for order, _ in known)},
        "held_out": {"orders": len(held_out), "frauds": sum(labels), "auc": round(share, 4)},
        **learned,
    }
    return model, held_out


def scored(model: dict, pairs: list) -> list[list]:
    """Orders with their features and their log-odds."""
    return [[*columns(order), *(round(x, 12) for x in row), round(log_odds(model, row), 12)] for order, row in pairs]


def examples(pairs: list) -> list:
    """Complete histories of a few accounts, with fraud and without."""
    dishonest = {order.user_id for order, _ in pairs if order.fraud}
    honest = {order.user_id for order, _ in pairs} - dishonest
    chosen = {*sorted(dishonest)[:12], *sorted(honest)[:12]}
    return [pair for pair in pairs if pair[0].user_id in chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description="Fits the fraud model; the docstring of this file describes the data.")
    parser.add_argument("--data", metavar="FILE", help="your orders; without it, invented ones")
    parser.add_argument("--out", metavar="DIR", type=Path, default=TRAINING, help="where model.json and examples.csv go")
    parser.add_argument("--held-out", metavar="FILE", help="also write the orders held out, with their log-odds")
    parser.add_argument("--write-data", metavar="FILE", help="only write the invented orders, as an example of the format")
    arguments = parser.parse_args()
    invented = generate(SEED)
    if arguments.write_data:
        return write_csv(arguments.write_data, COLUMNS, map(columns, invented))
    if arguments.data:
        try:
            model, held_out = train(read(arguments.data), f"own: {Path(arguments.data).name}")
        except OSError as error:
            parser.error(str(error))
    else:
        model, held_out = train(invented, f"synthetic, seed {SEED}")
    header = [*COLUMNS, *(f"x_{name}" for name in NAMES), "log_odds"]
    (arguments.out / "model.json").write_text(json.dumps(model, indent=2) + "\n", encoding="utf-8")
    # Always invented orders: they only compare the formulas, and real orders do not belong in a repository.
    spare = split(invented, replay(invented, set(disposable_domains())))[1]
    write_csv(arguments.out / "examples.csv", header, scored(model, examples(spare)))
    if arguments.held_out:
        write_csv(arguments.held_out, header, scored(model, held_out))
    print(json.dumps({key: model[key] for key in ("version", "data", "trained_on", "held_out")}))


if __name__ == "__main__":
    main()
